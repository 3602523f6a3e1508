from __future__ import annotations

import io
import tarfile
from pathlib import Path

from tests.conftest import picture


def build(folder: Path) -> None:
    mark = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
    members = {
        "00000.0.text.txt": b"First words.",
        "00000.1.image.jpg": picture((200, 90, 20), "JPEG"),
        "00000.2.text.txt": "Caf\u00e9 and more.".encode(),
        "00000.metadata.txt": b"00000.0.text.txt\n00000.1.image.jpg\n00000.2.text.txt\n",
        "00001.0.image.png": picture((20, 90, 200), "PNG"),
        "00001.metadata.txt": b"00001.0.image.png\n00001.1.text.txt",
        "00002.0.text.txt": f"One.\n\n{mark}\n\nTwo.".encode(),
        "00002.1.image.png": picture((1, 2, 3), "PNG"),
        "00002.metadata.txt": b"00002.0.text.txt\n00002.1.image.png\n",
    }
    with tarfile.open(folder / "00000.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
