"""Captions in no order, two of them on one picture; one picture is missing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import shown


def build(folder: Path) -> None:
    """Write list and pictures."""
    told = {
        "info": {"year": 2014},
        "images": [{"id": 9, "file_name": "COCO_train2014_000000000009.jpg"}],
        "annotations": [
            {"image_id": 9, "id": 661611, "caption": "Closeup of bins of food. "},
            {"image_id": 25, "id": 661, "caption": "gone"},
            {"image_id": 9, "id": 661977, "caption": "A meal is presented."},
            {"image_id": 9, "id": 7, "caption": ""},
        ],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations/captions_train2014.json").write_text(json.dumps(told))
    (folder / "train2014").mkdir()
    (folder / "train2014/COCO_train2014_000000000009.jpg").write_bytes(shown(9))
