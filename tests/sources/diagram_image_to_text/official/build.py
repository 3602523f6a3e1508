"""The Parquet file of the hub; cells with bytes, with a path only, with neither."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

CELLS = (
    {"bytes": picture((40, 90, 30)), "path": None},
    {"bytes": None, "path": "shapes/4.png"},
    {"bytes": None, "path": None},
    {"bytes": None, "path": "shapes/5.png"},
)
ROWS = [
    {"image": cell, "text": f"the User asks the Server ({k})\n -> then it answers"}
    for k, cell in enumerate(CELLS)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001-abc.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
