"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    row = {"question": "Which is a solid?", "choices": ["water", "rock"], "answer": 1}
    row |= {"hint": "", "lecture": "Solids keep their shape.", "solution": "Rock does."}
    rows = [{**row, "image": cell(10)}, {**row, "image": None}]
    (folder / "data").mkdir()
    target = folder / "data" / "validation-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows), target)
