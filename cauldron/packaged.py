"""Where the recipes and data cards lie: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def packaged(folder: str) -> Path:
    """Return the folder `recipes` or `data_cards`."""
    package = Path(__file__).parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder
