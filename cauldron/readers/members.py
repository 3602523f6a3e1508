"""Reading by URL: a file, a member of an archive (`ARCHIVE!/member`), or a single packed file."""

from __future__ import annotations

import contextlib
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import IO, Any

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers import archives
from cauldron.readers.archives import Index, Member
from cauldron.readers.streams import (
    DAMAGED,
    Inflated,
    Slice,
    buffered,
    decompressed,
    inflated,
    unpacked,
)
from cauldron.storage import files

_OPEN_ARCHIVES = 8
_HARMLESS = 16 << 20  # bytes that may unpack from however few
_REFUSED = {
    archives.LINK: "is a link inside an archive",
    archives.ENCRYPTED: "is encrypted; unpack the archive with its password",
    archives.UNREADABLE: "is packed in a way that is not read; unpack the archive first",
}
_handles: OrderedDict[Index, Any] = OrderedDict()


def read_url(url: str, max_bytes: int, indexes: str = "") -> bytes:
    """Read a whole file or member of at most `max_bytes`.

    Raises:
        StorageError: if it is missing, larger, refused or damaged.
    """
    inside = archives.split_url(url)
    if inside is None:
        if files.size_bytes(url) > max_bytes:
            raise _too_large(url, max_bytes)
        return files.read_bytes(url)
    if not archives.is_archive(inside[0]):
        with open_url(url) as file:
            payload = file.read(max_bytes + 1)
        if len(payload) > max_bytes:
            raise _too_large(url, max_bytes)
        return payload
    index = archives.index_of(inside[0], indexes)
    member = _member(index, inside[1])
    if member.size > max_bytes:
        raise _too_large(url, max_bytes)
    with _unpacking(url):
        return _read(index, member)


def size_of(url: str, indexes: str = "") -> int | None:
    """Return the size of a file or member, None for one that only unpacking would tell.

    Raises:
        StorageError: if it is missing.
    """
    inside = archives.split_url(url)
    if inside is None:
        return files.size_bytes(url)
    if not archives.is_archive(inside[0]):
        return None
    return _member(archives.index_of(inside[0], indexes), inside[1]).size


@contextlib.contextmanager
def open_url(url: str, indexes: str = "") -> Iterator[IO[bytes]]:
    """Open a file or member as a binary stream; what is not deflated can be sought in.

    Raises:
        StorageError: if it is missing, refused or damaged, also while it is being read.
    """
    inside = archives.split_url(url)
    if inside is None:
        with files.open_input(url) as plain:
            yield plain
        return
    with buffered(_unpacked(url, *inside, indexes), url) as stream:
        yield stream


def _unpacked(url: str, archive: str, name: str, indexes: str) -> Any:
    if not archives.is_archive(archive):
        with _unpacking(url):
            return unpacked(archive)
    index = archives.index_of(archive, indexes)
    member = _member(index, name)
    with _unpacking(url):
        file = _opened(index)
        part = Slice(file, _start(index, file, member), member.stored)
    if member.method == archives.DEFLATED:
        return Inflated(part, member.size, member.crc)
    return part


def _too_large(url: str, max_bytes: int) -> StorageError:
    return StorageError(f"larger than {max_bytes} bytes", place=files.redacted(url))


@contextlib.contextmanager
def _unpacking(url: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise StorageError(f"cannot unpack: {error}", place=files.redacted(url)) from error


def _member(index: Index, name: str) -> Member:
    place = f"{files.redacted(index.url)}{archives.SEPARATOR}{name}"
    member = index.members.get(name)
    if member is None:
        raise StorageError("cannot read: no such file in the archive", place=place)
    if member.method in _REFUSED:
        raise StorageError(_REFUSED[member.method], place=place)
    if member.size > max(_HARMLESS, LIMITS.max_ratio * member.stored):
        raise StorageError(f"{member.stored} bytes would unpack to {member.size}", place=place)
    return member


def _read(index: Index, member: Member) -> bytes:
    file = _handle(index)
    start = _start(index, file, member)
    file.seek(start)
    payload: bytes = file.read(member.stored)
    if len(payload) != member.stored:
        raise EOFError("ends too early")
    if member.method == archives.DEFLATED:
        return inflated(payload, member.size, member.crc)
    if index.url.lower().endswith(".zip") and zlib.crc32(payload) != member.crc:
        raise zlib.error("checksum of the member differs")
    return payload


def _handle(index: Index) -> Any:
    """Return the archive opened for random reads; few are open at a time."""
    if index in _handles:
        _handles.move_to_end(index)
        return _handles[index]
    while len(_handles) >= _OPEN_ARCHIVES:
        _handles.popitem(last=False)[1].close()
    _handles[index] = _opened(index)
    return _handles[index]


def _opened(index: Index) -> Any:
    if index.url.lower().endswith(".zip"):
        return files.open_input(index.url)
    return decompressed(index.url, index.seek_points)


def _start(index: Index, file: Any, member: Member) -> int:
    """Return where a member's bytes begin; in a zip they follow a header of their own."""
    if not index.url.lower().endswith(".zip"):
        return member.offset
    file.seek(member.offset)
    header = file.read(30)
    if header[:4] != b"PK\x03\x04":
        raise ValueError("a member does not begin where the directory says")
    names, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    return member.offset + 30 + names + extra
