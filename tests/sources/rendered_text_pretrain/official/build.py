"""Two tars of WebDataset samples; some halves are missing."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from tests.conftest import picture


def told(text: object) -> bytes:
    """Return the JSON of a sample."""
    boxes = [[0.1, -0.2, 1.3, 0.3]]
    return json.dumps({"ocr_annotation": {"text": text, "bb_relative": boxes}}).encode()


def build(folder: Path) -> None:
    """Write the tars."""
    write(
        folder / "000000.tar",
        {
            "000000001.png": picture((1, 2, 3)),
            "000000001.json": told(["Blue door,  ", "open LATE"]),
            "000000002.png": picture((1, 2, 4)),
            "000000003.json": told(["no picture"]),
            "000000004.jpg": picture((1, 2, 5), "JPEG"),
            "000000004.json": told([]),
            "000000005.jpg": picture((1, 2, 6), "JPEG"),
            "000000005.json": b"{not json",
            "000000006.jpg": b"not a picture",
            "000000006.json": told(["x"]),
        },
    )
    write(
        folder / "remaining/000000.tar",
        {
            "000000001.json": told("one text\nof two lines"),
            "000000001.png": picture((9, 2, 3)),
        },
    )


def write(path: Path, members: dict[str, bytes]) -> None:
    """Write a tar of files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
