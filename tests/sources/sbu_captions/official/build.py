"""Two lists in one file, the second shorter than the first."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import store

ADDRESSES = [f"http://static.flickr.example/{n}_o.jpg" for n in range(4)]


def build(folder: Path) -> None:
    """Write the lists and the store."""
    captions = ["The sky over Moscow.", "Man in a blue hat", "Nobody knows"]
    told = {"image_urls": ADDRESSES, "user_ids": ["a@N"] * 4, "captions": captions}
    (folder / "sbu-captions-all.json").write_text(json.dumps(told))
    store(folder / "store/00000.tar", [*ADDRESSES[:2], ADDRESSES[3]])
