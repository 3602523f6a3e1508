"""Adds the Parquet file of instructions, which holds no pictures."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def build(folder: Path) -> None:
    one, other = "CGD_IMG_000000000009", "CGD_IMG_000000000025"
    asked = [
        ("CGD_INS_1", "What differs?", "The first shows a dog.", [one, other]),
        ("CGD_INS_2", "What differs?", "The first shows a cat.", [other, one]),
        ("CGD_INS_3", "Where is the dog?", "In the first picture.", [one, other]),
    ]
    names = ("id", "instruction", "answer", "images")
    rows = [dict(zip(names, row, strict=True)) for row in asked]
    (folder / "data" / "CGD").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data/CGD/train-00000-of-00001.parquet")
