"""A folder of fetched files: contents under their hashes, and a log of addresses.

A line is written to the log when a file is in place, so that a run which was cut off goes on where
it stopped. A line that was cut off itself does not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from cauldron.storage import files

LOG = "fetched.jsonl"
BLOBS = "blobs"


def blob_name(sha256: str) -> str:
    """Return the path of a content below the folder."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def log_lines(payload: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log that are whole."""
    for line in payload.split(b"\n"):
        try:
            told = orjson.loads(line) if line else None
        except orjson.JSONDecodeError:
            continue
        if isinstance(told, dict) and isinstance(told.get("url"), str):
            yield told


def address_key(url: str) -> bytes:
    """Return a short hash that stands for an address."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=12).digest()


class FetchedStore:
    """The folder while it is filled.

    Args:
        again: whether addresses whose failure may pass are tried once more.
    """

    def __init__(self, folder: str, again: bool = False) -> None:
        self.folder = Path(folder)
        files.sweep(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.done: set[bytes] = set()
        self.before: dict[str, int] = {}
        path = self.folder / LOG
        if path.exists():
            with path.open("rb") as log:
                for line in log:
                    for told in log_lines(line):
                        self._note(told, again)
        self._log = path.open("ab")
        if path.stat().st_size and not _ends_well(path):
            self._log.write(b"\n")

    def _note(self, told: dict[str, Any], again: bool) -> None:
        if again and told.get("again"):
            return
        key = address_key(told["url"])
        if key not in self.done:
            self.done.add(key)
            status = str(told.get("status"))
            self.before[status] = self.before.get(status, 0) + 1

    def keep(self, url: str, payload: bytes, about: dict[str, Any]) -> None:
        """Keep a content and note its address."""
        sha256 = hashlib.sha256(payload).hexdigest()
        path = self.folder / blob_name(sha256)
        if not path.exists():
            files.write_bytes(str(path), payload)
        told = {"url": url, "status": "success", "sha256": sha256, "size": len(payload)}
        self._write({**told, **about})

    def fail(self, url: str, reason: str, detail: str, again: bool) -> None:
        """Note an address that was not fetched."""
        self._write({"url": url, "status": reason, "detail": detail, "again": again})

    def _write(self, told: dict[str, Any]) -> None:
        self.done.add(address_key(told["url"]))
        self._log.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
        self._log.flush()

    def close(self) -> None:
        """End the log."""
        self._log.close()


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
