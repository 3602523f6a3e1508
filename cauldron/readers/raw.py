"""Raw roots and raw rows: what a user named, and one record with its address."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.media.picture_buffer import PictureBuffer
from cauldron.readers.archives import SEPARATOR, Problem, index_of, is_archive, split_url, stem
from cauldron.readers.members import open_url, read_url, size_of
from cauldron.readers.tree import Found, Tree, joined, natural, walk
from cauldron.sample import Reject, content_hash
from cauldron.storage import files

T = TypeVar("T")
_Read = Callable[[int, int], bytes | memoryview]
_KNOWN_FOLDERS = 20_000
_PICTURES = frozenset("jpg jpeg png gif webp bmp tif tiff".split())
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(slots=True, kw_only=True)  # of millions: frozen, each takes three times as long to make
class Row:
    """One raw record and where it stands.

    Args:
        file: path below its raw root.
        record: number, key or page inside the file.
        data: the record as read.
        folder: URL of the folder that holds the file.
        weight: samples it is expected to give; shards are filled by this.
        prompts: `cauldron` for the wording of the paper, `plain` for bare question and answer.
        options: what the form was asked for, by name (`--option`).
    """

    file: str
    record: str
    data: Any
    folder: str
    split: str
    source: str
    seed: int = 0
    weight: int = 1
    prompts: str = "cauldron"
    options: Mapping[str, Any] = field(default_factory=dict)

    def pick(self, options: Sequence[T], purpose: str) -> T:
        """Choose by a hash of seed, source, record and purpose; the same on every run."""
        chosen = content_hash(self.seed, self.source, self.split, self.file, self.record, purpose)
        return options[chosen % len(options)]

    @property
    def plain(self) -> bool:
        """Whether the bare question and answer are asked for."""
        return self.prompts == "plain"

    def near(self, *relative: str) -> str:
        """Return the URL of a file beside the row's own file."""
        return "/".join([self.folder, *relative])


class Raw:
    """The raw roots that a user named; nothing outside them is ever read.

    Archives below a root are seen as if they were unpacked in their own folder; a real file
    stands before a member of the same path.

    Args:
        roots: folders, or single files and archives.
        indexes: a local folder where indexes of archives are kept, "" for none.
        archives: the archives below the roots where they are known; otherwise the roots are
            listed when first needed.
    """

    def __init__(
        self, roots: Iterable[str], indexes: str = "", archives: Sequence[str] | None = None
    ) -> None:
        self.roots = tuple(r if not files.is_local(r) else str(Path(r).resolve()) for r in roots)
        self.indexes = indexes
        self._known_archives = archives
        self._bases = tuple(_base(root).rstrip("/") for root in self.roots)
        local = [Path(root) for root in self.roots if files.is_local(root)]
        self._own = [*local, *(blobs for root in local if (blobs := _hub_blobs(root)))]
        self._trees: list[Tree] | None = None
        self._folders: dict[str, bool] = {}

    def listing(self) -> list[Found]:
        """Return every file and member below the roots, in natural order; costly for large trees.

        Raises:
            SourceError: if a root does not exist.
        """
        return self.find("*")

    def stats(self) -> list[tuple[str, int, int]]:
        """Return path, size and time of every real file below the roots."""
        return [facts for tree in self._listed() for facts in tree.stats]

    def archives(self) -> list[str]:
        """Return the URLs of all archives below the roots, root by root in natural order."""
        if self._known_archives is not None:
            return list(self._known_archives)
        return [files.join(t.root, joined(*a)) for t in self._listed() for a in t.archives]

    def problems(self) -> list[tuple[str, Problem]]:
        """Return what is wrong with the archives that were looked into, each with its path."""
        return [
            (path, problem)
            for tree in self._trees or ()
            for path in sorted(tree.indexed, key=natural)
            for problem in tree.indexed[path].problems
        ]

    def find(self, *patterns: str) -> list[Found]:
        """Return files and members whose path ends in one of the patterns, by pattern.

        Patterns have whole path parts (`questions/*.json`); `**/` in front fits any folder. One
        that ends like an archive finds archives themselves.
        """
        out: dict[str, Found] = {}
        for pattern in patterns:
            for tree in self._listed():
                for found in tree.find(pattern, self.indexes):
                    out.setdefault(found.url, found)
        return list(out.values())

    def exists(self, url: str) -> bool:
        """Say whether a file or member is there, inside the roots."""
        return self._resolved(url) is not None

    def read(self, url: str, max_bytes: int | None = None) -> bytes:
        """Read a file or member that must lie inside a root.

        Raises:
            StorageError: if it lies outside, is missing, damaged or larger than `max_bytes`
                (1 GB where none is given).
        """
        limit = LIMITS.max_file_bytes if max_bytes is None else max_bytes
        return read_url(self._required(url), limit, self.indexes)

    def size(self, url: str) -> int | None:
        """Return the size of a file or member inside a root; None where only reading tells.

        Raises:
            StorageError: if it lies outside, is missing or refused.
        """
        return size_of(self._required(url), self.indexes)

    @contextlib.contextmanager
    def open(self, url: str) -> Iterator[IO[bytes]]:
        """Open a file or member inside a root as a stream.

        Raises:
            StorageError: as `read`, also while it is being read.
        """
        with open_url(self._required(url), self.indexes) as stream:
            yield stream

    def picture(self, candidates: Sequence[str], max_bytes: int, near: str = "") -> bytes | None:
        """Return the bytes of the first candidate that exists, or None.

        Args:
            near: a folder below a root; names that no root has are looked for in it and in the
                folders between.
        """
        found = self.picture_in(None, candidates, max_bytes, near)
        return found if isinstance(found, bytes | None) else bytes(found)

    def picture_in(
        self,
        buffer: PictureBuffer | None,
        candidates: Sequence[str],
        max_bytes: int,
        near: str = "",
    ) -> bytes | memoryview | None:
        """Do as `picture`; a plain local file is read into the buffer, as a view of it.

        Where there is none, names are tried with their ending in the other case (`.JPG`).
        """
        read = buffer.read if buffer else os.read
        found = self._picture(read, candidates, max_bytes, near)
        if found is None:
            respelt = [other for name in candidates if (other := _in_other_case(name))]
            found = self._picture(read, respelt, max_bytes, near) if respelt else None
        return found

    def _picture(
        self, read: _Read, candidates: Sequence[str], max_bytes: int, near: str
    ) -> bytes | memoryview | None:
        payload = self._first(read, candidates, max_bytes, self._bases)
        if payload is None and (between := self._between(near)):
            payload = self._first(read, candidates, max_bytes, between)
        return payload

    def _first(
        self, read: _Read, candidates: Sequence[str], max_bytes: int, bases: Sequence[str]
    ) -> bytes | memoryview | None:
        for url in (url for candidate in candidates for url in _urls(candidate, bases)):
            try:
                payload = self._at(url, max_bytes, read)
            except ValueError:  # a name that no file can have: with a NUL, half a surrogate pair
                continue
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                continue
            if payload is not None:
                return payload
        return None

    def _at(self, url: str, max_bytes: int, read: _Read) -> bytes | memoryview | None:
        payload = self._direct(url, max_bytes, read)
        if payload is None:
            place = self._resolved(url)
            payload = read_url(place, max_bytes, self.indexes) if place else None
        return payload

    def links_out(self) -> list[str]:
        """Return the first links below the roots that lead out of them: none is followed."""
        links = (
            os.path.join(folder, name)
            for root in self.roots
            if files.is_local(root)
            for folder, folders, names in os.walk(root)
            for name in sorted((*folders, *names))
            if os.path.islink(os.path.join(folder, name))
        )
        return list(itertools.islice((link for link in links if not self._inside(link)), 3))

    def packed_twice(self) -> list[str]:
        """Return the first archives that are members of archives."""
        inner = (
            f"{archive}{SEPARATOR}{member}"
            for archive in self.archives()
            for member in index_of(archive, self.indexes).members
            if is_archive(member)
        )
        return list(itertools.islice(inner, 3))

    def _between(self, near: str) -> tuple[str, ...]:
        """Return the folders from below a root down to a folder."""
        base = next((base for base in self._bases if near.startswith(f"{base}/")), None)
        if base is None:
            return ()
        names = near[len(base) + 1 :].split("/")
        return tuple(itertools.accumulate(names, "{}/{}".format, initial=base))[1:]

    def _listed(self) -> list[Tree]:
        if self._trees is None:
            self._trees = [walk(root) for root in self.roots]
        return self._trees

    def _direct(self, url: str, max_bytes: int, read: _Read) -> bytes | memoryview | None:
        """Read a plain local file in few calls; None sends the caller the long way."""
        folder, _, name = url.rpartition("/")
        if not files.is_local(url) or ".." in url or not self._is_own_folder(folder):
            return None
        try:
            descriptor = os.open(f"{folder}/{name}", _OPEN)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR, errno.ENAMETOOLONG):
                return None
            raise StorageError(f"cannot read: {error.strerror}", place=url) from error
        try:
            return _whole(descriptor, url, max_bytes, read)
        finally:
            os.close(descriptor)

    def _is_own_folder(self, folder: str) -> bool:
        if folder not in self._folders:
            if len(self._folders) > _KNOWN_FOLDERS:
                self._folders.clear()
            self._folders[folder] = os.path.isdir(folder) and self._inside(folder)
        return self._folders[folder]

    def _required(self, url: str) -> str:
        place = self._resolved(url)
        if place is None:
            inside = split_url(url)
            if not self._inside(_normal(inside[0] if inside else url)):
                raise StorageError("lies outside the raw folders", place=files.redacted(url))
            raise StorageError("cannot read: no such file", place=files.redacted(url))
        return place

    def _resolved(self, url: str) -> str | None:
        """Return the URL of the file or member that stands at a place, None for none."""
        url = _normal(url)
        inside = split_url(url)
        if inside:
            archive, name = inside
            if self._inside(archive) and files.is_file(archive):
                if is_archive(archive):
                    member = index_of(archive, self.indexes).find(name)
                    if member is not None:
                        return f"{archive}{SEPARATOR}{member}"
                elif archive.rpartition("/")[2].rpartition(".")[0] == name:
                    return url
            url = joined(archive.rpartition("/")[0], name)
        if self._inside(url) and files.is_file(url):
            return url
        return self._packed(url)

    def _packed(self, url: str) -> str | None:
        """Look for a place among the members of the archives that would unpack to it."""
        for archive in self.archives():
            folder, _, name = archive.rpartition("/")
            if not url.startswith(f"{folder}/"):
                continue
            index = index_of(archive, self.indexes)
            path = url[len(folder) + 1 :]
            member = index.find(path)
            if member is None and path.startswith(f"{stem(name)}/"):
                member = index.find(path[len(stem(name)) + 1 :])
            if member is not None:
                return f"{archive}{SEPARATOR}{member}"
        return None

    def _inside(self, url: str) -> bool:
        if not files.is_local(url):
            return ".." not in PurePosixPath(url).parts and any(
                url.startswith(root.rstrip("/") + "/") or url == root for root in self.roots
            )
        path = Path(os.path.realpath(url))  # `resolve` raises on links in a circle
        return any(path == own or own in path.parents for own in self._own)


def archive_rejects(raw: Raw, split: str, source: str) -> Iterator[Row]:
    """Yield a row to reject for each problem of the archives that were looked into."""
    for path, problem in raw.problems():
        yield Row(
            file=path,
            record=problem.member,
            data=Reject(reason=problem.reason, detail=problem.detail),
            folder="",
            split=split,
            source=source,
        )


def _in_other_case(name: str) -> str:
    """Return the name of a picture with its ending in upper case, or lower; "" for others."""
    start, dot, ending = name.rpartition(".")
    if not dot or ending.lower() not in _PICTURES:
        return ""
    return f"{start}.{ending.upper() if ending.islower() else ending.lower()}"


def _urls(candidate: str, bases: Sequence[str]) -> list[str]:
    if candidate.startswith("/") or "://" in candidate:
        return [candidate]
    return [f"{base}/{candidate}" for base in bases]


def _whole(descriptor: int, url: str, max_bytes: int, read: _Read) -> bytes | memoryview | None:
    """Read an open file, None for what is not an ordinary file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    if status.st_size > max_bytes:
        raise StorageError(f"larger than {max_bytes} bytes", place=url)
    try:
        payload = read(descriptor, status.st_size)
        while len(payload) < status.st_size and (more := os.read(descriptor, status.st_size)):
            payload = bytes(payload) + more
    except OSError as error:
        raise StorageError(f"cannot read: {error.strerror}", place=url) from error
    return payload


def _base(root: str) -> str:
    """Return the folder that names are relative to: of an archive, the one it lies in."""
    return root.rpartition("/")[0] if is_archive(root) else root


def not_looked_into(raw: Raw) -> str:
    """Return what to do about links that lead out and archives in archives, "" without any."""
    told = ""
    if links := ", ".join(raw.links_out()):
        told += f"links that lead out are not followed, name their targets as well: {links}; "
    if packed := ", ".join(raw.packed_twice()):
        told += f"archives inside archives are not looked into, unpack the outer ones: {packed}; "
    return told


def _hub_blobs(root: Path) -> Path | None:
    """Return where the files of a snapshot in the hub's cache lie; the snapshot has links only."""
    for folder in (root, *root.parents):
        if folder.parent.name == "snapshots":
            return folder.parent.parent / "blobs"
    return None


def _normal(url: str) -> str:
    if "/.." not in url and "/./" not in url:
        return url
    scheme, separator, path = url.rpartition("://")
    return f"{scheme}{separator}{posixpath.normpath(path)}"


__all__ = ["Found", "Raw", "Row", "natural", "not_looked_into"]
