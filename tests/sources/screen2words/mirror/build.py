"""Parquet as rootsautomation/RICO-Screen2Words has it, with a list of captions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

ROWS = [
    {
        "screenId": 40 + k,
        "captions": [f"page {k} of a travel app", f"screen {k} with a map"],
        "image": {"bytes": picture((40, 90, 30 + k)), "path": f"{k}.jpg"},
    }
    for k in range(2)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
