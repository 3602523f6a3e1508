from __future__ import annotations

import gzip
from pathlib import Path

import orjson

from tests.stores import store

URL = "https://pics.example/a.jpg"


def build(folder: Path) -> None:
    row = {
        "images": [None, URL, None],
        "texts": ["Before.", None, "After."],
        "metadata": orjson.dumps([None, {"src": URL, "alt_text": "a"}, None]).decode(),
        "general_metadata": orjson.dumps({"url": "https://site.example/q"}).decode(),
    }
    (folder / "slice.jsonl.gz").write_bytes(gzip.compress(orjson.dumps(row) + b"\n"))
    store(folder / "store/00000.tar", [URL])
