"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    """Write rows of the hub, whose label 0 means True."""
    first = {"left_image": cell(10, "l.png"), "right_image": cell(20, "r.png"), "directory": 3}
    swapped = {"left_image": cell(20), "right_image": cell(10), "directory": 4}
    rows = [
        {**first, "identifier": "train-1-0-0", "sentence": "Two dogs run.", "label": 0},
        {**first, "identifier": "train-1-0-1", "sentence": "No dog runs.", "label": 1},
        {**swapped, "identifier": "train-1-1-0", "sentence": "Two dogs run.", "label": 1},
        {**swapped, "identifier": "train-1-1-1", "sentence": "No dog runs.", "label": -1},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
