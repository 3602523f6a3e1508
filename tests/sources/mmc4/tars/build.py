from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import orjson

from tests.conftest import picture


def build(folder: Path) -> None:
    held = base64.b64encode(picture((200, 90, 20), "JPEG")).decode()
    info = {"image_name": "a.jpg", "matched_text_index": 1, "matched_sim": 0.3}
    told = {"text_list": ["One.", "Two."], "url": "https://a.example/1", "similarity_matrix": [[0]]}
    members = {
        "000000000.json": {**told, "image_info": [{**info, "image_base64": held}]},
        "000000001.json": {**told, "image_info": [{**info, "image_base64": "%%%"}]},
    }
    with tarfile.open(folder / "000000000.tar", "w") as tar:
        for name, document in members.items():
            data = orjson.dumps(document)
            info_of = tarfile.TarInfo(name)
            info_of.size = len(data)
            tar.addfile(info_of, io.BytesIO(data))
