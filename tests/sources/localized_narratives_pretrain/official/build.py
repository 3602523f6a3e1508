"""Lines with their traces; one without words."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import shown


def build(folder: Path) -> None:
    """Write list and pictures."""
    lines = [
        {"dataset_id": "x", "image_id": "0a1", "annotator_id": 4, "caption": "We see a dog. "},
        {
            "dataset_id": "x",
            "image_id": "0a1",
            "annotator_id": 5,
            "caption": "In this image a dog.",
        },
        {"dataset_id": "x", "image_id": "0b2", "annotator_id": 4, "caption": " "},
    ]
    told = "".join(json.dumps({**line, "traces": [[{"x": 0.1}]]}) + "\n" for line in lines)
    (folder / "open_images_train_v6_localized_narratives-00000-of-00010.jsonl").write_text(told)
    (folder / "train").mkdir()
    (folder / "train/0a1.jpg").write_bytes(shown(1))
