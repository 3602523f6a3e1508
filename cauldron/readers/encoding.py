"""Text in UTF-16 as UTF-8, told by its mark or by the zero bytes beside its first sign."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any

from cauldron.errors import SourceError

BOM = codecs.BOM_UTF8
_BLOCK = 256 << 10
_FIRST = b'{["'


def utf8(stream: Any, place: str) -> IO[bytes]:
    """Return a stream of UTF-8: the stream itself where it is no UTF-16.

    Args:
        stream: a buffered reader at its beginning.
        place: how errors name the file.

    Raises:
        SourceError: while it is being read, if it is UTF-16 and damaged.
    """
    encoding = told(stream.peek(4)[:4])
    return io.BufferedReader(_Recoded(stream, encoding, place), _BLOCK) if encoding else stream


def told(head: bytes) -> str:
    """Return the encoding of a text by its first bytes, "" for UTF-8 and what it cannot tell."""
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if len(head) > 1 and head[0] in _FIRST and not head[1]:
        return "utf-16-le"
    return "utf-16-be" if len(head) > 1 and not head[0] and head[1] in _FIRST else ""


def as_utf8(payload: bytes) -> bytes:
    """Return a text as UTF-8 without a mark.

    Raises:
        ValueError: if it is UTF-16 and damaged.
    """
    encoding = told(payload[:4])
    if encoding:
        return payload.decode(encoding).encode("utf-8", "surrogatepass")
    return payload.removeprefix(BOM)


class _Recoded(io.RawIOBase):
    """A stream of UTF-16 read as UTF-8, block by block."""

    def __init__(self, inner: IO[bytes], encoding: str, place: str) -> None:
        self._inner, self._place, self._held, self._done = inner, place, b"", False
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held and not self._done:
            block = self._inner.read(_BLOCK)
            self._done = not block
            try:
                self._held = self._decoder.decode(block, final=self._done).encode()
            except UnicodeError as error:
                raise SourceError(
                    f"not valid UTF-16: {error}", place=self._place, hint="save it as UTF-8"
                ) from error
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size
