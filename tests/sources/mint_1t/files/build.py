from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

PAGE = {"pdf_name": "1.pdf", "url": "https://site.example/1.pdf", "language_id_whole_page": {}}


def frames(*tones: int) -> bytes:
    out = io.BytesIO()
    first, *rest = (Image.new("RGB", (40, 30), (tone, 90, 60)) for tone in tones)
    first.save(out, "TIFF", save_all=True, append_images=rest)
    return out.getvalue()


def numbered(*pairs: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"page": page, "xref": xref, "width": 40, "height": 30} for page, xref in pairs]


def build(folder: Path) -> None:
    one = {
        "texts": ["Before.", None, None, "After.\n"],
        "images": [None, "page_0_image_7", "page_1_image_9", None],
        "image_metadata": numbered((1, 9), (0, 7)),
        **PAGE,
    }
    two = {"texts": ["A paper.", None], "images": [None, "figures/b.png"], "id": "2101.00002"}
    lost = {**one, "image_metadata": numbered((5, 5)), "pdf_name": "3.pdf"}
    uneven = {"texts": ["Words."], "images": [None, "page_0_image_1"]}
    picture = io.BytesIO()
    Image.new("RGB", (20, 20), (9, 99, 200)).save(picture, "PNG")
    members = {
        "0001.json": orjson.dumps(one),
        "0001.tiff": frames(10, 200),
        "2101.00002.json": orjson.dumps(two),
        "figures/b.png": picture.getvalue(),
        "0003.json": orjson.dumps(lost),
        "0003.tiff": frames(30),
        "0004.json": orjson.dumps(uneven),
        "0005.json": b'{"texts": [',
    }
    (folder / "shard-0").mkdir()
    with tarfile.open(folder / "shard-0/00000.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
