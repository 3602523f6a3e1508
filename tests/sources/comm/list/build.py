"""The list inside one object, indented; a store beside it."""

from __future__ import annotations

from pathlib import Path

from tests.stores import store


def build(folder: Path) -> None:
    """Write the store."""
    store(folder / "store/00000.tar", ["https://a.example/1.jpg"])
