"""ARC, the format of web archives before WARC: a line of facts, then that many bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, NamedTuple

_MAX_LINE = 8 << 10
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
_SKIP_BYTES = 1 << 20


class ArcRecord(NamedTuple):
    """A record: its address, date as in WARC, media type, and what was read of its block.

    Args:
        block: None where no record could be read; `media_type` then says why.
        size: bytes that the block should have.
    """

    offset: int
    url: str
    date: str
    media_type: str
    block: bytes | None
    size: int


def arc_records(handle: IO[bytes], head_bytes: int) -> Iterator[ArcRecord]:
    """Yield the records of an open file in order, with the first bytes of each.

    A line that is no record ends the file: nothing else says where the next one begins.
    """
    handle.seek(0)
    while True:
        offset = handle.tell()
        try:
            record = read_arc(handle, offset, head_bytes)
            if record is None:
                return
            _skip(handle, record.size - len(record.block or b""))
        except (OSError, ValueError, EOFError) as error:
            yield ArcRecord(offset, "", "", str(error)[:200], None, 0)
            return
        yield record


def read_arc(handle: IO[bytes], offset: int, most: int) -> ArcRecord | None:
    """Read the record at an offset, at most so many bytes of it; None at the end of the file.

    Raises:
        ValueError: if there is no record.
    """
    handle.seek(offset)
    line = handle.readline(_MAX_LINE)
    while line and not line.strip():
        offset = handle.tell()
        line = handle.readline(_MAX_LINE)
    if not line:
        return None
    facts = line.decode("utf-8", "replace").split(" ")
    size = facts[-1].strip()
    if len(facts) < 5 or not re.fullmatch(r"\d{1,15}", size) or not line.endswith(b"\n"):
        raise ValueError(f"no record begins with {line[:80]!r}")
    block = handle.read(min(int(size), most))
    date = _DATE.match(facts[2])
    told = "{}-{}-{}T{}:{}:{}Z".format(*date.groups()) if date else ""
    return ArcRecord(offset, facts[0], told, facts[3], block, int(size))


def _skip(handle: IO[bytes], size: int) -> None:
    """Pass over bytes; a packed stream unpacks them, so that damage in them is seen."""
    if handle.seekable() and not size > 0:
        return
    handle.seek(size, io.SEEK_CUR)
