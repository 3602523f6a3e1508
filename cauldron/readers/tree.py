"""What lies below a raw root: real files, and members of archives at the place of unpacking."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from cauldron.errors import SourceError
from cauldron.readers import archives
from cauldron.readers.archives import SEPARATOR, Index, index_of, is_archive, stem
from cauldron.readers.streams import PACKED
from cauldron.storage import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A raw file: its root, its path below the root, its URL and the URL of its folder.

    A member of an archive has the path it would have when unpacked in the archive's own folder;
    only its URL (`ARCHIVE!/member`) tells that it is one.
    """

    root: str
    path: str
    url: str

    @property
    def folder(self) -> str:
        return self.url.rpartition("/")[0]


@dataclass(frozen=True)
class Tree:
    """The files below one root by folder; hidden files and folders are not seen.

    Args:
        indexed: the indexes of the archives that were looked into, by path.
    """

    root: str
    folders: dict[str, list[str]] = field(default_factory=dict)
    stats: list[tuple[str, int, int]] = field(default_factory=list)
    indexed: dict[str, Index] = field(default_factory=dict)

    @cached_property
    def archives(self) -> list[tuple[str, str]]:
        """Folder and file name of every archive, in natural order."""
        found = [(f, n) for f, names in self.folders.items() for n in names if is_archive(n)]
        return sorted(found, key=lambda place: natural(joined(*place)))

    def find(self, pattern: str, indexes: str) -> list[Found]:
        """Return real files and members that fit, in natural order.

        A real file stands before a member of the same path, and of two equal members (path,
        size, checksum) in different archives the first counts.
        """
        *folder_parts, name = pattern.split("/")
        found = {
            path: [Found(root=self.root, path=path, url=self._url(path))]
            for path in (joined(*hit) for hit in _fitting(self.folders, folder_parts, name))
        }
        if not is_archive(name):
            for path, url in self._unzipped(folder_parts, name):
                found.setdefault(path, [Found(root=self.root, path=path, url=url)])
            seen: set[tuple[str, int, int]] = set()
            real = set(found)
            for path, url, identity in self._members(folder_parts, name, indexes):
                if path not in real and (path, *identity) not in seen:
                    seen.add((path, *identity))
                    found.setdefault(path, []).append(Found(root=self.root, path=path, url=url))
        return [file for path in sorted(found, key=natural) for file in found[path]]

    def _url(self, path: str) -> str:
        return files.join(self.root, path) if path else self.root

    def _unzipped(self, folder_parts: list[str], name: str) -> Iterator[tuple[str, str]]:
        """Yield path and URL of single packed files whose name without their ending fits."""
        for folder, names in self.folders.items():
            packed = [n for n in names if n.lower().endswith(PACKED) and not is_archive(n)]
            if packed and _ends(folder, folder_parts):
                inner = {n.rpartition(".")[0]: n for n in reversed(packed)}
                for found in fnmatch.filter([n.rpartition(".")[0] for n in packed], name):
                    url = self._url(joined(folder, inner[found]))
                    yield joined(folder, found), f"{url}{SEPARATOR}{found}"

    def _members(
        self, folder_parts: list[str], name: str, indexes: str
    ) -> Iterator[tuple[str, str, tuple[int, int]]]:
        for place, archive in self.archives:
            url = self._url(joined(place, archive))
            index = self.indexed[joined(place, archive)] = index_of(url, indexes)
            for above in (place, joined(place, stem(archive))):
                hits = list(_fitting(index.folders, folder_parts, name, above))
                for folder, found in hits:
                    member = joined(folder, found)
                    facts = index.members[member]
                    path = joined(above, member)
                    yield path, f"{url}{SEPARATOR}{member}", (facts.size, facts.crc)
                if hits:
                    break


def _fitting(
    folders: dict[str, list[str]], folder_parts: list[str], name: str, above: str = ""
) -> Iterator[tuple[str, str]]:
    literal = not any(mark in name for mark in "*?[")
    for folder, names in folders.items():
        if _ends(joined(above, folder), folder_parts):
            hits = ([name] if name in names else []) if literal else _matching(names, name)
            for hit in hits:
                yield folder, hit


def _matching(names: list[str], pattern: str) -> list[str]:
    """Return the names that fit; an ending alone (`*.jpg`) fits in any case."""
    flags = re.IGNORECASE if re.fullmatch(r"\*\.\w+", pattern) else 0
    fits = re.compile(fnmatch.translate(pattern), flags).match
    return [name for name in names if fits(name)]


def _ends(folder: str, wanted: list[str]) -> bool:
    """Say whether a folder's last parts fit; `**` in front fits any folder."""
    if not wanted or wanted[0] == "**":
        return True
    parts = folder.split("/")[-len(wanted) :]
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=True)
    )


def joined(*parts: str) -> str:
    """Join parts of a path, leaving out empty ones."""
    return "/".join(part for part in parts if part)


def walk(root: str) -> Tree:
    """List everything below a root once, with sizes and times.

    Raises:
        SourceError: if the root does not exist.
    """
    if not files.exists(root):
        raise SourceError("raw folder not found", place=root, hint="check the path")
    if files.is_file(root):
        parent, _, name = root.rpartition("/")
        return Tree(parent, {"": [name]}, [(name, *archives.stamp(root))])
    tree = Tree(root)
    listed = _local(Path(files.local_path(root))) if files.is_local(root) else _remote(root)
    for path, size, time in listed:
        folder, _, name = path.rpartition("/")
        tree.folders.setdefault(folder, []).append(name)
        tree.stats.append((path, size, time))
    tree.stats.sort()
    return tree


def _local(root: Path) -> Iterator[tuple[str, int, int]]:
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with files.reported(str(root / below), "list"), os.scandir(root / below) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        deeper = []
        for entry in listed:
            path = joined(below, entry.name)
            if _hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                deeper.append(path)
                continue
            with contextlib.suppress(OSError):  # a link in a circle
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_size, status.st_mtime_ns
        waiting += reversed(deeper)


def _remote(root: str) -> Iterator[tuple[str, int, int]]:
    fs, top = files.filesystem(root)
    with files.reported(root, "list"):
        listed = fs.find(top, detail=True)
    for full, facts in sorted(listed.items()):
        path = full[len(top) :].lstrip("/")
        if not any(_hidden(part) for part in PurePosixPath(path).parts):
            yield path, int(facts.get("size") or 0), 0


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which `9.png` stands before `10.png`."""
    return [
        (0, int(piece), "") if piece.isdigit() and piece.isascii() else (1, 0, piece)
        for piece in re.split(r"([0-9]+)", text)
        if piece
    ]


__all__ = ["Found", "Index", "Tree", "joined", "natural", "walk"]
