"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    rows = [
        ("Is there a cube?", "yes", cell(10)),
        ("How many balls are there?", "2", cell(10)),
        ("How many balls are there?", "0", cell(20)),
        ("Is there a ball?", "no", cell(10)),
        ("How many cones are there?", None, cell(30)),
    ]
    table = pa.Table.from_pylist([{"question": q, "answer": a, "image": i} for q, a, i in rows])
    target = folder / "default" / "validation-00000-of-00001.parquet"
    target.parent.mkdir(parents=True)
    pq.write_table(table, target)
