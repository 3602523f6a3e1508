"""One Parquet file of problems."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = [
    {"question": "Jungkook is 5th. Who is 6th?", "answer": "If he is 5th,\n\nthe next is 6th."},
    {"question": "Nobody answers.", "answer": ""},
    {"question": None, "answer": "Four"},
    {"question": "How many?", "answer": "Four"},
]


def build(folder: Path) -> None:
    """Write the file."""
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "data/train-00000-of-00001.parquet")
