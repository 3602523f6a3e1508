"""Posts of two subreddits: pictures of the downloader, and one in a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stores import shown, store


def post(name: str, caption: str, subreddit: str = "cats") -> dict[str, Any]:
    """Return a post."""
    return {
        "image_id": name,
        "author": "somebody",
        "url": f"https://i.redd.example/{name}.jpg",
        "raw_caption": caption.upper(),
        "caption": caption,
        "subreddit": subreddit,
        "score": 12,
        "created_utc": 1500000000,
        "permalink": f"/r/{subreddit}/comments/{name}/",
        "crosspost_parents": None,
    }


def build(folder: Path) -> None:
    """Write lists and pictures."""
    files = {
        "cats_2017": [post("bh1", "my cat in a box"), post("bh2", "from a store")],
        "birdpics_2018": [post("bh3", "gone", "birdpics"), post("bh4", "", "birdpics")],
    }
    (folder / "annotations").mkdir()
    for name, posts in files.items():
        told = {"info": {"version": "v1.0"}, "annotations": posts}
        (folder / f"annotations/{name}.json").write_text(json.dumps(told))
    for path in ("images/cats/bh1.jpg", "images/birdpics/bh4.jpg"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(shown(len(path)))
    store(folder / "store/00000.tar", ["https://i.redd.example/bh2.jpg"])
