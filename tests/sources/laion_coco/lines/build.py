"""The list as packed JSON lines, one of them damaged; pictures of some lie in a store."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.stores import store


def build(folder: Path) -> None:
    """Write the list and the store."""
    lines = [
        json.dumps(
            {
                "URL": f"https://a.example/{name}.jpg",
                "TEXT": f"buy {name} now!!",
                "top_caption": f"a photo of a {name}",
                "all_captions": [f"a photo of a {name}", f"another view of a {name}"],
                "similarity": 0.27,
            }
        )
        for name in ("boat", "gone", "tree")
    ]
    path = folder / "list/laion-coco-00000.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress("\n".join([*lines, '{"URL": "https://a.exam']).encode()))
    store(
        folder / "store/00000.tar", [f"https://a.example/{name}.jpg" for name in ("boat", "tree")]
    )
