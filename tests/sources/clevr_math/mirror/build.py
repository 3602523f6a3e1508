"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    row = {"template": "addition", "id": "CLEVR_test_000000", "image": cell(10)}
    asked = [{**row, "question": "Add 2 balls. How many balls exist?", "label": 5}]
    asked.append({**row, "question": "Add 3 cubes. How many cubes exist?", "label": 3})
    steps = [{**row, "question": "Add 1 ball. Add 1 ball. How many balls exist?", "label": 5}]
    for config, rows in (("general", asked), ("multihop", steps)):
        (folder / config).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / config / "test-00000-of-00001.parquet")
