"""Where the recipes and data cards lie: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cauldron.errors import near


def packaged(folder: str) -> Path:
    """Return the folder `recipes` or `data_cards`."""
    package = Path(__file__).parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def on_base(values: Any, folder: str) -> Any:
    """Return settings with a shipped file's under them: `base: NAME`, or the name alone.

    Args:
        folder: of `recipes` that the file is in.

    Raises:
        ValueError: if there is no such file.
    """
    if isinstance(values, str):
        values = {"base": values}
    if not isinstance(values, dict) or not values.get("base"):
        return values
    place = packaged("recipes") / folder
    file = place / f"{values['base']}.yaml"
    if file.parent != place or not file.is_file():
        known = sorted(path.stem for path in place.glob("*.yaml"))
        told = near(str(values["base"]), known)
        raise ValueError(f"no {folder} '{values['base']}'{told}; there are: {', '.join(known)}")
    return {**yaml.safe_load(file.read_text("utf-8")), **values}
