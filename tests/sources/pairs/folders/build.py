"""The folders of img2dataset: pictures with sidecars, one failed, one with a text file only."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import shown


def build(folder: Path) -> None:
    """Write the folder."""
    place = folder / "00000"
    place.mkdir()
    told = {"url": "https://g.example/0.jpg", "caption": "With a sidecar", "status": "success"}
    (place / "000000000.jpg").write_bytes(shown(0))
    (place / "000000000.txt").write_text("With a sidecar")
    (place / "000000000.json").write_text(json.dumps(told, indent=4))
    (place / "000000001.png").write_bytes(shown(1))
    (place / "000000001.txt").write_text("\ufeffWith a text")
    failed = {**told, "status": "failed_to_download", "error_message": "HTTP Error 404"}
    (place / "000000002.json").write_text(json.dumps(failed, indent=4))
    (folder / "00000_stats.json").write_text('{"count": 3}')
