"""A table of the same fields; texts as they are, with entities."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stores import store


def build(folder: Path) -> None:
    """Write table and store."""
    row = {
        "photoid": 11,
        "title": "Tom &amp;amp; Ann",
        "description": "20080405 trip<br>home",
        "downloadurl": "http://farm1.flickr.example/11.jpg",
        "licenseurl": "http://creativecommons.org/publicdomain/zero/1.0/",
        "marker": False,
    }
    path = folder / "data/metadata_00.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist([row]), path)
    store(folder / "store/00000.tar", ["http://farm1.flickr.example/11.jpg"])
