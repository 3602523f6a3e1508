"""The Parquet files of img2dataset with pictures in them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stores import shown


def build(folder: Path) -> None:
    """Write the file."""
    base = {"url": "https://h.example/0.jpg", "status": "success", "error_message": None}
    rows = [
        {**base, "key": "000000000", "caption": "A hill", "jpg": shown(0), "width": 64},
        {**base, "key": "000000001", "caption": "x", "jpg": None, "status": "failed_to_resize"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "00000.parquet")
