"""One picture with two questions, one without any."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

CELL = {"bytes": picture(), "path": None}
ROWS = [
    {
        "image": CELL,
        "qa": [
            {"question": "What?", "answer": "A dog."},
            {"question": "where", "answer": "in a park"},
        ],
    },
    {"image": CELL, "qa": []},
]


def build(folder: Path) -> None:
    """Write the file."""
    path = folder / "data/train-00000-of-00068.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
