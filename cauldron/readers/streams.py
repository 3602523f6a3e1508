"""Binary streams over parts of files: slices, inflated zip members, decompressed tars."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from typing import IO, Any

import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.storage import files

BLOCK = 1 << 20
DAMAGED = (
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    struct.error,
    NotImplementedError,  # zipfile's word for a version that nobody has written yet
    EOFError,
    OSError,
    OverflowError,
    ValueError,
)
"""What damaged packed bytes raise."""
_SEEK_POINTS = 1_500  # at most this many of 32 KB each are held for one .tar.gz
_SPACING = 2 << 20


class Slice(io.RawIOBase):
    """`size` bytes of a seekable file from `start`, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(self._size - self._at, 0))
        if not wanted:
            return 0
        self._file.seek(self._start + self._at)
        payload = self._file.read(wanted)
        if not payload:
            raise EOFError("ends too early")
        buffer[: len(payload)] = payload
        self._at += len(payload)
        return len(payload)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class Inflated(io.RawIOBase):
    """The bytes of a deflated zip member, in order, never more than the archive declares."""

    def __init__(self, packed: Slice, size: int, crc: int) -> None:
        self._packed, self._left, self._crc, self._seen_crc = packed, size, crc, 0
        self._engine = zlib.decompressobj(-15)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            return 0
        payload = b""
        while not payload:
            source = self._engine.unconsumed_tail or self._packed.read(BLOCK) or b""
            payload = self._engine.decompress(source, min(len(buffer), self._left))
            if not payload and (self._engine.eof or not source):
                raise EOFError("ends too early")
        self._left -= len(payload)
        self._seen_crc = zlib.crc32(payload, self._seen_crc)
        if not self._left and self._seen_crc != self._crc:
            raise zlib.error("checksum of the member differs")
        buffer[: len(payload)] = payload
        return len(payload)

    def close(self) -> None:
        self._packed.close()
        super().close()


def inflated(packed: bytes, size: int, crc: int) -> bytes:
    """Return a deflated zip member of a declared size.

    Raises:
        zlib.error: if it is damaged, or holds more than it declares.
    """
    engine = zlib.decompressobj(-15)
    payload = engine.decompress(packed, size + 1)
    if len(payload) != size or zlib.crc32(payload) != crc:
        raise zlib.error("size or checksum of the member differs")
    return payload


PACKED = (".gz", ".bz2", ".xz", ".zst")
"""Endings of single files that are packed."""


def unpacked(url: str) -> Any:
    """Open a single packed file as the stream of what is in it."""
    lowered = url.lower()
    if lowered.endswith(".gz"):
        return gzip.open(packed_file(url))
    if lowered.endswith(".zst"):
        return pa.CompressedInputStream(pa.PythonFile(files.open_input(url), mode="r"), "zstd")
    return (bz2.BZ2File if lowered.endswith(".bz2") else lzma.LZMAFile)(packed_file(url))


def decompressed(url: str, seek_points: str = "") -> Any:
    """Open a tar, decompressed where it is packed; seeking works in all of them.

    Args:
        seek_points: a file of seek points of a .tar.gz, as `export_index` writes it.
    """
    lowered = url.lower()
    packed = packed_file(url)
    if lowered.endswith((".tar.gz", ".tgz")):
        from indexed_gzip import IndexedGzipFile

        spacing = max(_SPACING, files.size_bytes(url) * 4 // _SEEK_POINTS)
        options = {"index_file": seek_points} if seek_points else {}
        return IndexedGzipFile(
            packed, spacing=spacing, buffer_size=BLOCK, drop_handles=False, **options
        )
    if lowered.endswith(".bz2"):
        return bz2.BZ2File(packed)
    if lowered.endswith(".xz"):
        return lzma.LZMAFile(packed)
    return files.open_input(url)


def packed_file(url: str) -> Any:
    """Return what a decompressor opens: the path of a local file, which it also closes."""
    if files.is_local(url) and files.is_file(url):
        return str(files.local_path(url))
    return files.open_input(url)


class _Guarded(io.RawIOBase):
    """A stream whose damage is reported as a `StorageError` that names the file."""

    def __init__(self, inner: Any, url: str) -> None:
        self._inner, self._url = inner, url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._inner.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._inner.seek(offset, whence))

    def tell(self) -> int:
        return int(self._inner.tell())

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._inner.readinto(buffer))
        except DAMAGED as error:
            raise StorageError(
                f"cannot unpack: {error}", place=files.redacted(self._url)
            ) from error

    def close(self) -> None:
        self._inner.close()
        super().close()


def buffered(stream: Any, url: str) -> IO[bytes]:
    """Return a buffered stream over a raw one; damage becomes a `StorageError`."""
    return io.BufferedReader(_Guarded(stream, url), BLOCK)
