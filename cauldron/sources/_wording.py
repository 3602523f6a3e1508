"""Wording of captions and generated questions: requests, spacing, damaged characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cauldron.readers.raw import Row

_JOINED = re.compile(r"\s+((?:'(?:s|re|ve|ll|d|m)|n't)\b|[;:!?%)\]]|[.,](?!\d))")
_OPENED = re.compile(r"([(\[$£€])\s+")
_QUOTED = re.compile(r"``\s*(.*?)\s*''", re.DOTALL)
DAMAGED = "â€"
"""How the first two bytes of a curly quote or dash look when UTF-8 was read as Windows-1252."""


def requested(row: Row, requests: Sequence[str]) -> str:
    """Return one of the requests for a text that answers no question; plain: the first."""
    return requests[0] if row.plain else row.pick(requests, "request")


def tight(value: str) -> str:
    """Return text without blanks in front of question marks."""
    return re.sub(r"\s+\?", "?", value)


def detokenised(value: str) -> str:
    """Return text without the blanks that a tokeniser set around marks and endings.

    `the company 's sales ( in 2010 , 2011 ) grew by 3.5 % .` loses seven blanks; `3.14` and
    `Q3 '20` stay.
    """
    value = _QUOTED.sub(r'"\1"', value)
    return " ".join(_OPENED.sub(r"\1", _JOINED.sub(r"\1", value)).split())


def mended(value: str) -> str:
    """Return text with UTF-8 that was read as Windows-1252 read again, piece by piece.

    Only texts that hold `DAMAGED` are changed; a piece that is no UTF-8 stays as it is.
    """
    return _MISREAD.sub(_reread, value) if DAMAGED in value else value


def _shown(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_BYTES = {_shown(byte): byte for byte in range(0x80, 0x100)}
_TAIL = "[" + re.escape("".join(_shown(byte) for byte in range(0x80, 0xC0))) + "]"
_MISREAD = re.compile(f"[Â-ß]{_TAIL}|[à-ï]{_TAIL}{{2}}|[ð-ô]{_TAIL}{{3}}")


def _reread(match: re.Match[str]) -> str:
    try:
        return bytes(_BYTES[character] for character in match[0]).decode("utf-8")
    except UnicodeDecodeError:
        return match[0]
