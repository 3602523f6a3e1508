"""Regions of pictures in two folders; one picture has no phrases, one is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stores import shown


def region(number: int, image: int, phrase: str, x: int = 0) -> dict[str, Any]:
    """Return a region of 20 x 10 pixels."""
    box = {"x": x, "y": 4, "width": 20, "height": 10}
    return {"region_id": number, "image_id": image, "phrase": phrase, **box}


def build(folder: Path) -> None:
    """Write list and pictures."""
    told = [
        {
            "id": 1,
            "regions": [region(1382, 1, "the clock is green"), region(1383, 1, " a shade", 9)],
        },
        {"id": 2, "regions": [region(1400, 2, "a car")]},
        {"id": 3, "regions": []},
        {"id": 4, "regions": [region(1500, 4, "gone")]},
    ]
    (folder / "region_descriptions.json").write_text(json.dumps(told))
    for path, number in (("VG_100K/1.jpg", 1), ("VG_100K_2/2.jpg", 2)):
        (folder / path).parent.mkdir()
        (folder / path).write_bytes(shown(number))
