"""The lines as they are published, packed by bzip2."""

from __future__ import annotations

import bz2
from pathlib import Path

from tests.stores import store


def build(folder: Path) -> None:
    """Write the lines and the store."""
    cells = [""] * 23
    cells[0], cells[6], cells[14] = "6", "Caf%C3%A9", "http://farm1.flickr.example/6.jpg"
    lines = "\t".join(cells).encode() + b"\n"
    (folder / "yfcc100m_dataset.bz2").write_bytes(bz2.compress(lines))
    store(folder / "store/00000.tar", [cells[14]])
