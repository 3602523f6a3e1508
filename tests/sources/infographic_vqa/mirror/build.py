"""Parquet with query and answer; the answer as text or as a list."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

PAGES = [{"bytes": picture((10, 90, 30 + k)), "path": f"{k}.jpeg"} for k in range(2)]
ROWS = [
    {"query": "how many?", "image": PAGES[0], "answer": ["7"]},
    {"query": "of what?", "image": PAGES[0], "answer": ["apples and pears"]},
    {"query": "why?", "image": PAGES[1], "answer": ["rain", "the rain"]},
    {"query": "when?", "image": PAGES[1], "answer": ["May 2004"]},
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
