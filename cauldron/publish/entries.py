"""The files of a publication."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import IO

from cauldron.storage import files

MANIFEST = "manifest.json"
OWN = ("data/", "ids/", "plots/")
"""Folders whose files a later publication may remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file as it will stand in the repository: content, or where it lies now."""

    path: str
    size_bytes: int
    sha256: str
    url: str = ""
    content: bytes = b""

    @classmethod
    def of(cls, path: str, content: bytes) -> Entry:
        """Return an entry of small content."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(path=path, size_bytes=len(content), sha256=digest, content=content)

    def open(self) -> IO[bytes]:
        """Open the content for reading."""
        return files.open_input(self.url) if self.url else io.BytesIO(self.content)

    @property
    def git_sha1(self) -> str:
        """What git calls the content, as the hub tells it of small files."""
        content = files.read_bytes(self.url) if self.url else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def stale(held: Collection[str], entries: Sequence[Entry]) -> list[str]:
    """Return the files of an earlier publication that this one does not have."""
    now = {entry.path for entry in entries}
    return sorted(path for path in held if path.startswith(OWN) and path not in now)
