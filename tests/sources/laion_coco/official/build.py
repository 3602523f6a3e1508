"""A list of addresses; pictures of some lie in a store."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stores import store


def row(name: str, caption: str, **more: object) -> dict[str, object]:
    """Return a row of the list."""
    return {
        "URL": f"https://a.example/{name}.jpg",
        "caption": f"buy {name} now!!",
        "top_caption": caption,
        "all_captions": [caption, f"another view of a {name}"],
        "all_similarities": [0.31, 0.29],
        "similarity": 0.27,
        "punsafe": 0.01,
        "pwatermark": 0.2,
        "hash": 7,
        **more,
    }


def build(folder: Path) -> None:
    """Write the list and the store."""
    rows = [
        row("boat", "a photo of a boat"),
        row("gone", "a photo of a tree"),
        row("empty", " "),
        row("boat2", "a photo of a boat"),
    ]
    path = folder / "list/part-00000-abc.snappy.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    names = ("boat", "empty", "boat2")
    store(folder / "store/00000.tar", [f"https://a.example/{name}.jpg" for name in names])
