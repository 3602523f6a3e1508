"""Rows of a Parquet mirror of Hateful Memes, with harmless words."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    rows = [
        {
            "image": {"bytes": picture((9, 90 * label, 20)), "path": f"{label}.png"},
            "label": label,
            "text": "it is monday",
            "id": label,
        }
        for label in (0, 1)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
