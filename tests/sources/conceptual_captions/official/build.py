"""A list without a head and a store of some of its pictures."""

from __future__ import annotations

from pathlib import Path

from tests.stores import store

LINES = (
    "a very typical bus station\thttp://lh6.example/-a/b%20c.jpg",
    'he said "no" & left\thttp://b.example/2.png?x=1',
    "gone\thttp://b.example/gone.jpg",
    "\thttp://b.example/2.png?x=1",
    "no address at all\tbus station",
    "one\ttwo\tthree",
)


def build(folder: Path) -> None:
    """Write list and store."""
    (folder / "Train_GCC-training.tsv").write_text("\n".join(LINES) + "\n")
    addresses = ["http://lh6.example/-a/b%20c.jpg", "http://b.example/2.png?x=1"]
    store(folder / "pictures/00000.tar", addresses)
