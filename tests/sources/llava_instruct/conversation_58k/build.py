"""The Parquet copy of jxu124: dialogues as lists of questions with their answers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = [
    {
        "image_path": "coco/train2017/000000033471.jpg",
        "dialog": [["What?", "A bus."], ["Big?", "Yes."]],
    },
    {"image_path": "coco/train2017/000000033471.jpg", "dialog": [["What?"]]},
]


def build(folder: Path) -> None:
    """Write the file."""
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "data/train-00000-of-00001.parquet")
