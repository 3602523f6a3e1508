"""The hub's Parquet conversion: speakers and texts in a list of structs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SAID = [
    {"from": "system", "value": "Be kind.", "weight": None},
    {"from": "human", "value": "Hi", "weight": None},
    {"from": "gpt", "value": "Hello", "weight": 1.0},
]


def build(folder: Path) -> None:
    """Write the file."""
    path = folder / "default/train/0000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{"conversations": SAID, "source": "x"}]), path)
