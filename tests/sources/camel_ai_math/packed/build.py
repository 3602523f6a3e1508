"""The same problems in math.zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

RAW = Path(__file__).parents[1] / "official/raw/math"


def build(folder: Path) -> None:
    """Write the zip."""
    with zipfile.ZipFile(folder / "math.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(RAW.iterdir(), reverse=True):
            packed.write(path, f"math/{path.name}")
