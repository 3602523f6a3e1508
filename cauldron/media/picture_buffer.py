"""Room for the pictures of a table: files are read where Arrow needs them, without a copy."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa


class PictureBuffer:
    """Memory of Arrow's pool that pictures are read into, one behind the other.

    Args:
        size_bytes: what it holds; a picture that does not fit any more is read elsewhere.
    """

    def __init__(self, size_bytes: int) -> None:
        self._buffer = pa.allocate_buffer(size_bytes)
        self._room = memoryview(self._buffer).cast("B")
        self._used = 0

    def read(self, descriptor: int, size: int) -> bytes | memoryview:
        """Read as `os.read` does; a view of the buffer is given only of what was read whole."""
        view = self._room[self._used : self._used + size]
        if len(view) < size:
            return os.read(descriptor, size)
        got = os.readv(descriptor, [view])
        if got < size:
            return bytes(view[:got])
        self._used += size
        return view

    def whole(self, payloads: Sequence[bytes | memoryview]) -> pa.Buffer | None:
        """Return pictures as they lie, None unless they are all that was read, in this order."""
        size = sum(map(len, payloads))
        views = all(isinstance(payload, memoryview) for payload in payloads)
        return self._buffer.slice(0, size) if views and size == self._used else None
