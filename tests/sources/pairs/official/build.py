"""JSON lines: pictures by file and by address, columns of usual names."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import shown, store


def build(folder: Path) -> None:
    """Write lines, a picture and a store."""
    lines = [
        {"image": "img/1.jpg", "caption": "By file.", "license": "CC0-1.0", "n": 3},
        {"url": "https://f.example/2.jpg", "caption": "By address.", "NSFW": "UNLIKELY"},
        {"url": "https://f.example/3.jpg", "caption": "Not stored."},
        {"image": "img/gone.jpg", "caption": "No file."},
        {"caption": "Nothing at all."},
        {"image": "../../etc/passwd", "caption": "Outside."},
    ]
    told = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "mine.jsonl").write_text(told)
    (folder / "img").mkdir()
    (folder / "img/1.jpg").write_bytes(shown(1))
    store(folder / "store/00000.tar", ["https://f.example/2.jpg"])
