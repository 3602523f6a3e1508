"""Tars as Idefics2 was trained on: roles stand behind the first dot."""

from __future__ import annotations

from pathlib import Path

from cauldron.demo.tree import tar
from tests.stores import shown


def build(folder: Path) -> None:
    """Write the tar."""
    members = {
        "0_1.image.jpg": shown(1),
        "0_1.text.txt": "Ein Hund — und ein Rad".encode(),
        "0_2.text.txt": b"no picture",
        "0_3.image.jpg": shown(3),
        "0_3.text.txt": b" \n",
        "0_4.image.jpg": shown(4),
        "0_4.text.txt": b"\xff\xfe",
    }
    (folder / "shard_0.tar").write_bytes(tar(members))
