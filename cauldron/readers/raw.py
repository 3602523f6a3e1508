"""Raw roots and raw rows: what a user named, and one record with its address."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from cauldron.errors import SourceError, StorageError
from cauldron.sample import content_hash
from cauldron.storage import files

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A raw file: its root, its path below the root, its URL and the URL of its folder."""

    root: str
    path: str
    url: str

    @property
    def folder(self) -> str:
        return self.url.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One raw record and where it stands.

    Args:
        file: path below its raw root.
        record: number, key or page inside the file.
        data: the record as read.
        folder: URL of the folder that holds the file.
        weight: samples it is expected to give; shards are filled by this.
    """

    file: str
    record: str
    data: Any
    folder: str
    split: str
    source: str
    seed: int = 0
    weight: int = 1

    def pick(self, options: Sequence[T], purpose: str) -> T:
        """Choose by a hash of seed, source, record and purpose; the same on every run."""
        chosen = content_hash(self.seed, self.source, self.split, self.file, self.record, purpose)
        return options[chosen % len(options)]

    def near(self, *relative: str) -> str:
        """Return the URL of a file beside the row's own file."""
        return "/".join([self.folder, *relative])


class Raw:
    """The raw roots that a user named; nothing outside them is ever read."""

    def __init__(self, roots: Iterable[str]) -> None:
        self.roots = tuple(r if not files.is_local(r) else str(Path(r).resolve()) for r in roots)
        self._listing: list[Found] | None = None
        self._good: list[str] = []

    def listing(self) -> list[Found]:
        """Return every file below the roots, in natural order.

        Raises:
            SourceError: if a root does not exist.
        """
        if self._listing is None:
            self._listing = [found for root in self.roots for found in _walk(root)]
        return self._listing

    def find(self, *patterns: str) -> list[Found]:
        """Return files whose path ends in one of the patterns (whole path parts), by pattern."""
        out: list[Found] = []
        for pattern in patterns:
            for found in self.listing():
                if _fits(found.path, pattern) and found not in out:
                    out.append(found)
        return out

    def read(self, url: str, max_bytes: int | None = None) -> bytes:
        """Read a file that must lie inside a root.

        Raises:
            StorageError: if it lies outside, is missing or larger than `max_bytes`.
        """
        if not self._inside(url):
            raise StorageError("lies outside the raw folders", place=files.redacted(url))
        if max_bytes is not None and files.size_bytes(url) > max_bytes:
            raise StorageError(f"larger than {max_bytes} bytes", place=files.redacted(url))
        return files.read_bytes(url)

    def picture(self, candidates: Sequence[str], max_bytes: int) -> bytes | None:
        """Return the bytes of the first candidate that exists, or None."""
        for candidate in candidates:
            for url in self._urls(candidate):
                if self._inside(url) and files.is_file(url):
                    return self.read(url, max_bytes)
        return None

    def _urls(self, candidate: str) -> list[str]:
        if candidate.startswith("/") or "://" in candidate:
            return [candidate]
        return [files.join(root, candidate) for root in self.roots]

    def _inside(self, url: str) -> bool:
        if not files.is_local(url):
            return ".." not in PurePosixPath(url).parts and any(
                url.startswith(root.rstrip("/") + "/") or url == root for root in self.roots
            )
        path = Path(url).resolve()
        return any(
            files.is_local(r) and (path == Path(r) or Path(r) in path.parents) for r in self.roots
        )


def _walk(root: str) -> list[Found]:
    if not files.exists(root):
        raise SourceError("raw folder not found", place=root, hint="check the path")
    if files.is_file(root):
        return [Found(root=root.rpartition("/")[0], path=PurePosixPath(root).name, url=root)]
    names = sorted(files.find_files(root), key=natural)
    return [Found(root=root, path=name, url=files.join(root, name)) for name in names]


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    if wanted[0] == "**":
        return fnmatch.fnmatchcase(parts[-1], wanted[-1])
    tail = parts[-len(wanted) :]
    return len(tail) == len(wanted) and all(
        fnmatch.fnmatchcase(part, want) for part, want in zip(tail, wanted, strict=True)
    )


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which `9.png` stands before `10.png`."""
    return [
        (0, int(piece), "") if piece.isdigit() and piece.isascii() else (1, 0, piece)
        for piece in re.split(r"([0-9]+)", text)
        if piece
    ]
