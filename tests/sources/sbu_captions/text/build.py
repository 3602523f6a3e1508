"""Two text files; one caption is blank, and the lists stay in step."""

from __future__ import annotations

from pathlib import Path

from tests.stores import store

ADDRESSES = [f"http://static.flickr.example/{n}_o.jpg" for n in range(3)]


def build(folder: Path) -> None:
    """Write the lists and the store."""
    data = folder / "dataset"
    data.mkdir()
    urls, captions = (
        data / f"SBU_captioned_photo_dataset_{name}.txt" for name in ("urls", "captions")
    )
    urls.write_text("\n".join(ADDRESSES) + "\n")
    captions.write_text("The first.\n\nThe third.\n")
    store(folder / "store/00000.tar", ADDRESSES)
