"""Names of picture files in an export."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cauldron.storage import files

_MAGIC = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
)


def suffix(payload: bytes) -> str:
    """Return the suffix that a picture's first bytes ask for; `img` for an uncommon format."""
    if payload[:4] == b"RIFF" and payload[8:12] == b"WEBP":
        return "webp"
    if payload[4:8] == b"ftyp":
        return "avif" if payload[8:11] == b"avi" else "heic"
    return next((name for magic, name in _MAGIC if payload.startswith(magic)), "img")


def store(sample: Mapping[str, Any], folder: str) -> list[str]:
    """Write a sample's pictures below a folder, each under its hash; equal ones only once.

    Returns:
        Their names relative to the folder, in order.
    """
    names = []
    for image in sample["images"]:
        payload = image["bytes"] or b""
        digest = hashlib.sha256(payload).hexdigest()
        name = f"{digest[:2]}/{digest[2:34]}.{suffix(payload)}"
        url = files.join(folder, name)
        if not files.exists(url):
            files.write_bytes(url, payload)
        names.append(name)
    return names
