"""A table: a picture in its cell, one by address, one of neither."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stores import shown, store


def build(folder: Path) -> None:
    """Write table and store."""
    url = "http://e.example/1.jpg"
    rows = [
        {
            "image_url": None,
            "image": {"bytes": shown(1), "path": "1.jpg"},
            "text": "a wheel",
            "source": "visual_genome",
            "meta": '{"region_id": 7}',
        },
        {"image_url": url, "image": None, "text": "a dog", "source": "sbu", "meta": "{}"},
        {"image_url": None, "image": None, "text": "lost", "source": "wit", "meta": None},
    ]
    path = folder / "data/train-00000-of-00010.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), path)
    store(folder / "store/00000.tar", [url])
