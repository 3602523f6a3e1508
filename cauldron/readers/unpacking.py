"""Files unpacked as a whole to a scratch file, for packings without places to begin: xz, bzip2."""

from __future__ import annotations

import bz2
import contextlib
import lzma
import tempfile
from typing import IO, Any

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.streams import BLOCK, DAMAGED, packed_file
from cauldron.storage import files

_MARKS = {b"\xfd7zXZ": lzma.LZMAFile, b"BZh": bz2.BZ2File}
_HARMLESS = 64 << 20  # bytes that may unpack from however few


def is_packed_whole(head: bytes) -> bool:
    """Say whether a file is packed so, by its first bytes."""
    return head.startswith(tuple(_MARKS))


def unpacked_whole(url: str) -> tuple[IO[bytes], str]:
    """Return a scratch file of what a file holds, and what is wrong with the packing, if anything.

    What comes before damage is kept. The scratch file goes when it is closed.

    Raises:
        StorageError: if it unpacks to more than `max_ratio` times its size.
    """
    most = max(_HARMLESS, LIMITS.max_ratio * files.size_bytes(url))
    scratch = tempfile.TemporaryFile(prefix="cauldron-")  # noqa: SIM115 - the caller closes it
    try:
        with contextlib.closing(_opened(url)) as packed:
            problem = _copied(packed, scratch, most)
    except StorageError:
        scratch.close()
        raise
    scratch.seek(0)
    return scratch, problem


def _opened(url: str) -> Any:
    with files.open_input(url) as file:
        head = file.read(5)
    kind = next(kind for mark, kind in _MARKS.items() if head.startswith(mark))
    return kind(packed_file(url))


def _copied(packed: Any, scratch: IO[bytes], most: int) -> str:
    try:
        while block := packed.read1(BLOCK):
            scratch.write(block)
            if scratch.tell() > most:
                raise StorageError(f"would unpack to over {most} bytes")
    except DAMAGED as error:
        return str(error) or type(error).__name__
    return ""
