"""Packs questions and pictures as they are downloaded: three archives in one folder."""

import json
import zipfile
from pathlib import Path
from typing import Any

from tests.conftest import picture


def build(folder: Path) -> None:
    general = question("Subtract all red cubes. How many objects are left?", 4)
    steps = question("Subtract all cubes. Subtract all balls. How many objects are left?", 1)
    packed(folder / "clevr-math.zip", {"clevr-math-train.json": listed(general)})
    packed(folder / "clevr-math-multihop.zip", {"clevr-math-multihop-train.json": listed(steps)})
    name = "CLEVR_v1.0/images/train/CLEVR_train_000001.png"
    packed(folder / "CLEVR_v1.0.zip", {name: picture()})


def question(text: str, answer: int) -> dict[str, Any]:
    return {"image_filename": "CLEVR_train_000001.png", "question": text, "answer": answer}


def listed(*questions: dict[str, Any]) -> bytes:
    return json.dumps({"questions": questions}).encode()


def packed(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, payload in members.items():
            archive.writestr(zipfile.ZipInfo(name), payload)
