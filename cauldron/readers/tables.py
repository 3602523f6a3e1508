"""CSV and TSV files to rows: a row's data is a mapping from column name to text."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO, Any

from cauldron.errors import SourceError
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def csv_rows(
    raw: Raw,
    found: Found,
    split: str,
    source: str,
    *,
    columns: Sequence[str] = (),
    delimiter: str = ",",
    quote: str = '"',
    escape: str | None = None,
) -> Iterator[Row]:
    """Rows of a CSV file, streamed; `record` is the number of the row without the head.

    A row with more fields than columns has a `Reject` as its data; missing fields at its end are
    "". UTF-8 (with or without mark) and UTF-16 with mark are read; what is not UTF-8 is taken as
    Windows-1252.

    Args:
        columns: names of the columns where the file has no head row.
        delimiter: one character; a tab for TSV.
        quote: the quote character, "" where quotes mean nothing.
        escape: a character that takes the meaning from the one behind it.

    Raises:
        SourceError: if the file has no head row.
    """
    encoding = _encoding(raw, found)
    csv.field_size_limit(LIMITS.max_line_bytes)
    with raw.open(found.url) as stream:
        lines = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        reader = csv.reader(
            lines,
            delimiter=delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            doublequote=escape is None,
            escapechar=escape,
        )
        names = list(columns) or [name.strip() for name in next(_filled(reader), [])]
        if not names:
            raise SourceError("holds no head row", place=found.path)
        for number, fields in enumerate(_filled(reader)):
            yield Row(
                file=found.path,
                record=str(number),
                data=_named(names, fields),
                folder=found.folder,
                split=split,
                source=source,
            )


def _filled(reader: Iterator[list[str]]) -> Iterator[Any]:
    """Yield rows that are not blank; a row that cannot be read becomes a `Reject`."""
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(reason="csv_invalid", detail=str(error))
            continue
        if fields and (len(fields) > 1 or fields[0].strip()):
            yield fields


def _named(names: list[str], fields: list[str] | Reject) -> dict[str, str] | Reject:
    if isinstance(fields, Reject):
        return fields
    if len(fields) > len(names):
        return Reject(reason="csv_invalid", detail=f"{len(fields)} fields, {len(names)} columns")
    return dict(zip(names, [*fields, *[""] * (len(names) - len(fields))], strict=True))


def _encoding(raw: Raw, found: Found) -> str:
    """Find out the encoding in one pass over the bytes."""
    with raw.open(found.url) as stream:
        head = stream.read(4)
        if head.startswith(_UTF_16):
            return "utf-16"
        return "utf-8-sig" if _is_utf8(head, stream) else "cp1252"


def _is_utf8(head: bytes, stream: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
        while block := stream.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
