"""Heads of records in web archives: WARC 0.17 to 1.1, and the lines of the older ARC."""

from __future__ import annotations

import re
from typing import NamedTuple

from cauldron.readers.pieces import Piece

_MAX_LINE = 64 << 10
_MAX_LINES = 1_000
_VERSION = re.compile(rb"WARC/\d{1,2}\.\d{1,3}\s*\Z")
_ARC_1 = re.compile(rb"(\S.*) ([\d.:a-fA-F-]+) (\d{12,17}) (\S+) (\d{1,15})\s*\Z")
_ARC_2 = re.compile(rb"(\S.*) (\S+) (\d{12,17}) (\S+) (?:\S+ ){5}(\d{1,15})\s*\Z")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d):?(\d\d):?(\d\d)?")


class RecordHead(NamedTuple):
    """What stands in front of a record's block.

    Args:
        size: bytes of the block.
        headers: by lower-case name.
        is_http: whether the block is an HTTP message.
    """

    kind: str
    url: str
    date: str
    headers: dict[str, str]
    is_http: bool
    size: int

    @property
    def media_type(self) -> str:
        """The type of the block without parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def read_record_head(piece: Piece) -> RecordHead:
    """Read the head of the record that a piece begins with; a WARC or an ARC one.

    Raises:
        ValueError: if there is none.
    """
    line = piece.line(_MAX_LINE)
    if line.startswith(b"WARC/"):
        return _warc(piece, line)
    match = _ARC_1.match(line) or _ARC_2.match(line)
    if match is None or not line.endswith(b"\n"):
        raise ValueError(f"no record begins with {line[:60]!r}")
    url, _, date, media_type, size = (part.decode("utf-8", "replace") for part in match.groups())
    kind = "filedesc" if url.startswith("filedesc:") else "response"
    is_http = kind == "response" and piece.peek(5) == b"HTTP/"
    headers = {"content-type": media_type}
    return RecordHead(kind, url, iso_date(date), headers, is_http, int(size))


def _warc(piece: Piece, line: bytes) -> RecordHead:
    if not _VERSION.match(line):
        raise ValueError(f"no version in {line[:60]!r}")
    headers: dict[str, str] = {}
    name = ""
    for _ in range(_MAX_LINES):
        line = piece.line(_MAX_LINE)
        if not line.strip():
            break
        text = line.decode("utf-8", "replace")
        if text[:1] in " \t" and name:  # a folded line goes on
            headers[name] = f"{headers[name]} {text.strip()}"
            continue
        name, mark, value = text.partition(":")
        name = name.strip().lower()
        if not mark:
            raise ValueError(f"no header in {line[:60]!r}")
        headers.setdefault(name, value.strip())
    size = headers.get("content-length", "")
    if line.strip() or not re.fullmatch(r"\d{1,15}", size, re.ASCII):
        raise ValueError("a head without an end or a length")
    head = RecordHead(
        headers.get("warc-type", "").lower(),
        bare(headers.get("warc-target-uri", "")),
        iso_date(headers.get("warc-date", "")),
        headers,
        False,
        int(size),
    )
    return head._replace(is_http=head.media_type == "application/http")


def bare(address: str) -> str:
    """Return an address without the angle brackets that some tools write."""
    return address.strip().removeprefix("<").removesuffix(">")


def iso_date(told: str) -> str:
    """Return a date to the second as `2024-03-01T10:00:00Z`, "" for none."""
    match = _DATE.match(told)
    return "{}-{}-{}T{}:{}:{}Z".format(*match.groups(default="00")) if match else ""
