"""Pieces of a web archive as streams: gzip members, zstd frames, or the plain bytes of the file.

A piece is read forward in constant memory. The end of a packed piece is known once it was read, so
that the next one begins there; where bytes are damaged, the next piece is looked for by its mark.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import IO, Any

from cauldron.readers.streams import BLOCK, Slice

_STEP = 64 << 10
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)  # zstd frames without content, dictionaries among them


class Piece:
    """Bytes that come block by block, read forward; `more` returns b"" at the end."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more, self._held, self._at, self._before = more, b"", 0, 0

    @property
    def place(self) -> int:
        """How many bytes were read."""
        return self._before + self._at

    def _fill(self) -> bool:
        block = self._more()
        self._before += self._at
        self._held, self._at = self._held[self._at :] + block, 0
        return bool(block)

    def line(self, most: int) -> bytes:
        """Read a line with its end.

        Raises:
            ValueError: if it is longer than `most`.
        """
        while (end := self._held.find(b"\n", self._at)) < 0:
            if len(self._held) - self._at > most:
                break
            if not self._fill():
                end = len(self._held) - 1
                break
        if end < 0 or end - self._at > most:
            raise ValueError(f"a line of over {most} bytes")
        found = self._held[self._at : end + 1]
        self._at = end + 1
        return found

    def read(self, size: int) -> bytes:
        """Read so many bytes, fewer at the end."""
        blocks: list[bytes] = []
        while size > 0 and (self._at < len(self._held) or self._fill()):
            block = self._held[self._at : self._at + size]
            blocks.append(block)
            self._at += len(block)
            size -= len(block)
        return b"".join(blocks)

    def skip(self, size: int) -> int:
        """Pass over so many bytes; return how many there were."""
        left = size
        while left > 0 and (self._at < len(self._held) or self._fill()):
            step = min(left, len(self._held) - self._at)
            self._at += step
            left -= step
        return size - left

    def blank(self) -> bool:
        """Pass over line ends and zero bytes; say whether anything follows."""
        while True:
            while self._at < len(self._held) and self._held[self._at] in b"\r\n\0":
                self._at += 1
            if self._at < len(self._held):
                return True
            if not self._fill():
                return False

    def peek(self, size: int) -> bytes:
        """Return bytes that follow without reading them."""
        while len(self._held) - self._at < size and self._fill():
            pass
        return self._held[self._at : self._at + size]


class Plain:
    """A file that is not packed: one piece from any offset to the end."""

    marks = (b"WARC/", b"http://", b"https://")

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def open(self, offset: int) -> Piece:
        """Return the piece that begins at an offset."""
        self.file.seek(offset)
        return Piece(lambda: self.file.read(_STEP))


class Gzip:
    """Gzip members one behind another.

    Args:
        end: offset behind the member opened last, once it was read to its end.
    """

    mark = b"\x1f\x8b\x08"
    marks = (mark,)

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.end = file, 0
        self._left, self._read_to = b"", 0

    def open(self, offset: int) -> Piece:
        """Return the member that begins at an offset."""
        follows = offset == self._read_to - len(self._left)
        if not follows or self.file.tell() != self._read_to:
            self.file.seek(offset)
            self._left, self._read_to = b"", offset
        engine = zlib.decompressobj(31)
        return Piece(lambda: self._more(engine))

    def _more(self, engine: Any) -> bytes:
        while not engine.eof:
            packed = engine.unconsumed_tail or self._left or self._block()
            self._left = b""
            if not packed:
                raise EOFError("ends too early")
            payload: bytes = engine.decompress(packed, BLOCK)
            if engine.eof:
                self._left = engine.unused_data
                self.end = self._read_to - len(self._left)
            if payload:
                return payload
        return b""

    def _block(self) -> bytes:
        block = self.file.read(_STEP)
        self._read_to += len(block)
        return block


class Zstd:
    """Zstandard frames one behind another; their sizes stand in their block heads."""

    mark = b"\x28\xb5\x2f\xfd"
    marks = (mark,)

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.end = file, 0

    def open(self, offset: int) -> Piece:
        """Return the frame that begins at an offset."""
        import pyarrow as pa

        self.end = offset + self._size(offset)
        self.file.seek(offset)
        if int.from_bytes(self.file.read(4), "little") in _SKIPPABLE:
            return Piece(lambda: b"")
        frame = Slice(self.file, offset, self.end - offset)
        frame.close = lambda: None  # type: ignore[method-assign]  # the file goes on to be read
        unpacked = pa.CompressedInputStream(pa.PythonFile(frame, mode="r"), "zstd")
        return Piece(lambda: bytes(unpacked.read(_STEP)))

    def _bytes(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        found = self.file.read(size)
        if len(found) < size:
            raise EOFError("ends too early")
        return found

    def _size(self, offset: int) -> int:
        """Return the size of a frame. From: RFC 8878, sections 3.1.1 and 3.1.2."""
        if int.from_bytes(self._bytes(offset, 4), "little") in _SKIPPABLE:
            return 8 + int.from_bytes(self._bytes(offset + 4, 4), "little")
        told = self._bytes(offset + 4, 1)[0]
        single, checked = told >> 5 & 1, told >> 2 & 1
        if told & 3:
            raise ValueError("packed with a dictionary")
        at = offset + 5 + (not single) + (single, 2, 4, 8)[told >> 6]
        while True:
            head = int.from_bytes(self._bytes(at, 3), "little")
            at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
            if head & 1:
                return at + 4 * checked - offset


Pieces = Gzip | Zstd


def next_mark(
    pieces: Plain | Pieces, after: int, marks: tuple[bytes, ...], begins: Callable[[int], bool]
) -> int | None:
    """Return the next offset with one of the marks at which a record begins, None for none."""
    at, held = after, b""
    longest = max(map(len, marks))
    while True:
        pieces.file.seek(at + len(held))
        block = pieces.file.read(BLOCK)
        held += block
        found = sorted(p for mark in marks for p in _places(held, mark))
        for place in found:
            if begins(at + place):
                return at + place
        if not block:
            return None
        kept = min(longest - 1, len(held))
        at += len(held) - kept
        held = held[len(held) - kept :]


def _places(held: bytes, mark: bytes) -> list[int]:
    places, place = [], held.find(mark)
    while place >= 0:
        places.append(place)
        place = held.find(mark, place + 1)
    return places
