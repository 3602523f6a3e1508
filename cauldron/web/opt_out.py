"""Lists of what must not be used: domains, addresses, hashes of picture files.

One entry a line: `example.org` (with all hosts below it), `https://example.org/a.jpg`, or
`sha256:` and the hash of a file. Blank lines and what follows ` #` do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from cauldron.errors import UsageError
from cauldron.storage import files

_MAX_LINE = 8_000


class OptOut:
    """What is on the lists."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._domains: set[str] = set()
        self._addresses: set[bytes] = set()
        self._files: set[bytes] = set()
        for number, line in enumerate(lines, start=1):
            entry = line.partition(" #")[0].strip()
            if not entry or entry.startswith("#"):
                continue
            if entry.startswith("sha256:"):
                self._files.add(_from_hex(entry[7:], number))
            elif "://" in entry:
                self._addresses.add(_hashed(entry))
            elif "/" in entry or " " in entry or len(entry) > _MAX_LINE:
                raise UsageError(
                    f"line {number} of the opt-out list is no domain, address or sha256: {entry!r}"
                )
            else:
                self._domains.add(entry.lower().strip("."))

    def has_address(self, url: str) -> bool:
        """Say whether an address is listed, or its host or a domain above it."""
        if not self._domains and not self._addresses:
            return False
        if _hashed(url) in self._addresses:
            return True
        try:
            host = (urlsplit(url).hostname or "").strip(".")
        except ValueError:
            return False
        labels = host.split(".")
        return any(".".join(labels[n:]) in self._domains for n in range(len(labels)))

    @property
    def has_files(self) -> bool:
        """Whether any hash of a picture is listed."""
        return bool(self._files)

    def has_file(self, payload: bytes) -> bool:
        """Say whether the bytes of a picture are listed."""
        return bool(self._files) and hashlib.sha256(payload).digest() in self._files


def _from_hex(text: str, number: int) -> bytes:
    try:
        found = bytes.fromhex(text.strip())
    except ValueError:
        found = b""
    if len(found) != 32:
        raise UsageError(f"line {number} of the opt-out list has no sha256 of 64 digits")
    return found


def _hashed(url: str) -> bytes:
    plain = url.partition("#")[0].partition("://")[2] or url
    return hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=12).digest()


@lru_cache(maxsize=4)
def opt_out_list(path: str, version: str = "") -> OptOut:
    """Read a list, once a process; "" is a list of nothing.

    Args:
        version: a hash of the file, so that a changed one is read again.

    Raises:
        StorageError: if it cannot be read.
        UsageError: if a line is none of the three kinds.
    """
    if not path:
        return OptOut(())
    return OptOut(files.read_bytes(path).decode("utf-8", "replace").splitlines())
