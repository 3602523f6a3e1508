"""Address and caption, the other way round, and a mirror of its pictures by host and path."""

from __future__ import annotations

from pathlib import Path

from tests.stores import shown

LINES = (
    "https://c.example/p/1.jpg\t<PERSON> was the first US president",
    "https://c.example/p/2.jpg\tnot there",
)


def build(folder: Path) -> None:
    """Write list and mirror."""
    (folder / "cc12m.tsv").write_text("\n".join(LINES))
    (folder / "c.example/p").mkdir(parents=True)
    (folder / "c.example/p/1.jpg").write_bytes(shown(1))
