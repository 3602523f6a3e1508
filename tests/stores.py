"""Pictures by address, as img2dataset stores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cauldron.demo.tree import tar
from tests.conftest import picture


def shown(number: int) -> bytes:
    """Return a picture, different for every number."""
    return picture((number * 37 % 256, 90, 200 - number % 90), "JPEG")


def store(path: Path, addresses: list[str], **more: Any) -> None:
    """Write a tar with a picture for each address; `more` goes into every sidecar."""
    members: dict[str, bytes] = {}
    for number, address in enumerate(addresses):
        told = {"url": address, "key": f"{number:09d}", "status": "success", **more}
        members[f"{number:09d}.jpg"] = shown(number)
        members[f"{number:09d}.json"] = json.dumps(told, indent=4).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar(members))
