"""JSON and text files to rows. A row that cannot be parsed has a `Reject` as its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cauldron.media.limits import LIMITS
from cauldron.readers.encoding import BOM, as_utf8, utf8
from cauldron.readers.json_stream import members, parsed
from cauldron.readers.members import open_url
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject


def _row(found: Found, record: str, data: Any, split: str, source: str) -> Row:
    return Row(
        file=found.path, record=record, data=data, folder=found.folder, split=split, source=source
    )


def json_list(
    raw: Raw, found: Found, split: str, source: str, at: str | Sequence[str] = ""
) -> Iterator[Row]:
    """Rows of a JSON list of any size, streamed; `record` is the number.

    Args:
        at: the key that holds the list, or the keys that lead to it.

    Raises:
        SourceError: if the file is not JSON or holds no list there.
    """
    yield from _members(raw, found, split, source, at, "[")


def json_object(
    raw: Raw, found: Found, split: str, source: str, at: str | Sequence[str] = ""
) -> Iterator[Row]:
    """Rows of a JSON object of any size, streamed: `record` is the key, `data` the value.

    Args:
        at: the key that holds the object, or the keys that lead to it.

    Raises:
        SourceError: if the file is not JSON or holds no object there.
    """
    yield from _members(raw, found, split, source, at, "{")


def _members(
    raw: Raw, found: Found, split: str, source: str, at: str | Sequence[str], opener: str
) -> Iterator[Row]:
    path = ([at] if at else []) if isinstance(at, str) else list(at)
    with raw.open(found.url) as stream:
        for key, value in members(utf8(stream, found.path), found.path, path, opener):
            yield _row(found, str(key), value, split, source)


def json_lines(raw: Raw, found: Found, split: str, source: str) -> Iterator[Row]:
    """Rows of a JSON lines file, streamed; a bad line becomes a row whose data is a `Reject`."""
    for number, line in text_bytes(found):
        data: Any
        if line is None:
            data = Reject(reason="line_too_long", detail=f"over {LIMITS.max_line_bytes} bytes")
        else:
            try:
                data = parsed(line)
            except ValueError as error:
                data = Reject(reason="json_invalid", detail=str(error))
        yield _row(found, str(number), data, split, source)


def json_file(raw: Raw, found: Found, split: str, source: str) -> Row:
    """One row of a file that holds one JSON value; a bad file has a `Reject` as its data."""
    try:
        data: Any = parsed(as_utf8(raw.read(found.url)))
    except ValueError as error:
        data = Reject(reason="json_invalid", detail=str(error))
    return _row(found, "", data, split, source)


def text_lines(raw: Raw, found: Found, split: str, source: str) -> Iterator[Row]:
    """Rows of a text file, one a line, without line ends; blank lines are left out."""
    for number, line in text_bytes(found):
        if line is None:
            data: Any = Reject(reason="line_too_long")
        else:
            try:
                data = line.decode("utf-8")
            except UnicodeDecodeError as error:
                data = Reject(reason="text_not_utf8", detail=str(error))
        yield _row(found, str(number), data, split, source)


def text_bytes(found: Found) -> Iterator[tuple[int, bytes | None]]:
    """Lines from 0 with their number, stripped, blank ones left out; None for one too long."""
    with open_url(found.url) as stream:
        buffered = utf8(stream, found.path)
        number = 0
        while line := buffered.readline(LIMITS.max_line_bytes + 1):
            too_long = len(line) > LIMITS.max_line_bytes
            while too_long and line and not line.endswith(b"\n"):
                line = buffered.readline(1 << 20)
            text = line.removeprefix(BOM).strip() if number == 0 else line.strip()
            if too_long:
                yield number, None
            elif text:
                yield number, text
            number += 1
