"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    row = {"images": [cell(10, "img_diagram.png")], "problem": "<image>Find x.", "answer": "12"}
    path = folder / "data" / "validation-00000-of-00001.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist([row]), path)
