"""A file that is hashed, and brought to the disk, while it is written."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import mmap
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

HASH_BYTES = 8 << 20
"""Longer ranges take less of a processor for each of their bytes."""
_SYNC_BYTES = 16 << 20
_ROOM_BYTES = 16 << 20
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE


@functools.cache
def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=name)


@functools.cache
def _fallocate() -> Callable[..., int] | None:
    """Return the call of Linux that reserves room, where there is one."""
    call = getattr(ctypes.CDLL(None), "fallocate", None) if os.name == "posix" else None
    if call:
        call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return call


class HashingFile:
    """A binary file opened for writing that hashes and counts what is written.

    Args:
        path: where the bytes stand on this machine until the file is complete. A native writer
            may write there itself; `follow` then hashes what it has added.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self.path = path
        self._hash = hashlib.sha256()
        self._hashing: deque[Future[None]] = deque()
        self._syncing: Future[None] | None = None
        self._synced = 0
        self._has_room = False
        self.size_bytes = 0
        self.error: OSError | None = None  # libraries raise others of their own in its place

    def write(self, payload: Any) -> int:
        view = memoryview(payload).cast("B")
        self._hash.update(view)
        self.size_bytes += len(view)
        try:
            self._file.write(view)
        except OSError as error:
            self.error = error
            raise
        return len(view)

    def follow(self, at_least: int = 1) -> None:
        """Hash what a native writer has added to the file, if that is as many bytes as stated.

        That is done in a thread, and another one brings it to disk, so that little is left to do
        at the end.
        """
        start, end = self.size_bytes, os.stat(self.path).st_size
        if end - start < at_least:
            return
        self._hashing.append(_thread("sha256").submit(self._hash_range, start, end))
        self.size_bytes = end
        if end - start >= HASH_BYTES:  # more will come
            self._reserve(end)
        if end - self._synced >= _SYNC_BYTES and (not self._syncing or self._syncing.done()):
            self._sync_ended()
            self._syncing = _thread("sync").submit(os.fsync, self._file.fileno())
            self._synced = end

    def _reserve(self, start: int) -> None:
        """Have room for what comes next, if the place can: block by block it takes longer to find.

        What the file does not need is given back at its end.
        """
        if fallocate := _fallocate():
            fallocate(self._file.fileno(), _KEEP_SIZE, start, _ROOM_BYTES)
            self._has_room = True

    def _hash_range(self, start: int, end: int) -> None:
        """Hash bytes where they lie, in one long call that lets other threads run."""
        base = start - start % mmap.ALLOCATIONGRANULARITY
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), end - base, access=mmap.ACCESS_READ, offset=base) as pages,
            memoryview(pages) as view,
            view[start - base :] as added,
        ):
            self._hash.update(added)

    def _hash_ended(self) -> None:
        while self._hashing:
            self._hashing.popleft().result()

    def _sync_ended(self) -> None:
        if self._syncing:
            self._syncing.result()
            self._syncing = None

    def flush(self) -> None:
        self._hash_ended()
        self._sync_ended()
        self._file.flush()
        if self._has_room:
            os.ftruncate(self._file.fileno(), os.stat(self.path).st_size)
            self._has_room = False

    @property
    def sha256(self) -> str:
        self._hash_ended()
        return self._hash.hexdigest()
