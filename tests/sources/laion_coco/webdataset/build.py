"""A download: tags of the set, a failed one, halves, and a damaged sidecar."""

from __future__ import annotations

import json
from pathlib import Path

from cauldron.demo.tree import tar
from tests.stores import shown


def told(caption: str, **more: object) -> bytes:
    """Return a sidecar."""
    base = {
        "url": "https://a.example/x.jpg",
        "caption": caption,
        "status": "success",
        "error_message": None,
        "width": 64,
        "height": 48,
        "original_width": 640,
        "original_height": 480,
        "exif": "{}",
        "md5": "00",
    }
    return json.dumps({**base, **more}).encode()


def build(folder: Path) -> None:
    """Write the tar and its Parquet sidecar."""
    members = {
        "000000000.json": told("a photo of a boat", NSFW="UNLIKELY", punsafe=0.2),
        "000000001.jpg": shown(1),
        "000000000.jpg": shown(0),
        "000000001.txt": b"a photo of a tree",
        "000000001.json": told("a photo of a tree", NSFW=None),
        "000000002.json": told("late", status="failed_to_download", error_message="timed out"),
        "000000003.jpg": shown(3),
        "000000003.json": told("x", NSFW="NSFW"),
        "000000004.jpg": shown(4),
        "000000004.json": told("x", NSFW="UNSURE"),
        "000000005.jpg": shown(5),
        "000000006.json": told("no picture, no error"),
        "000000007.jpg": shown(7),
        "000000007.json": b"{",
        "000000008.jpg": b"<html>",
        "000000008.json": told("not a picture"),
    }
    (folder / "00000.tar").write_bytes(tar(members))
    (folder / "00000_stats.json").write_text('{"count": 9}')
