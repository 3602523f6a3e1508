"""Values of options as written: numbers within bounds, one of several words, ranges of pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from cauldron.errors import StorageError
from cauldron.storage import files

_MAX_PAGE = 1_000_000
_RANGE = re.compile(r"(\d{1,6})?\s*(-)?\s*(\d{1,6})?")


def number(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between two bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"a number from {low} to {high} is expected")
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Return a reader that takes one of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)} is expected")
        return text

    return read


def listed(path: str) -> dict[str, str]:
    """Return a file by its path and the hash of what it holds.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        payload = files.read_bytes(path)
    except StorageError as error:
        raise ValueError(f"a file that can be read is expected ({error.message})") from error
    where = str(Path(path).resolve()) if files.is_local(path) else path
    return {"path": where, "sha256": hashlib.sha256(payload).hexdigest()}


def page_ranges(text: str) -> list[list[int]]:
    """Return ranges of page numbers, first and last, of `1-20,25,30-`.

    Raises:
        ValueError: if it is not such a list.
    """
    ranges = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match or not (match[1] or match[3]):
            raise ValueError("page numbers such as 1-20,25,30- are expected")
        first = int(match[1] or 1)
        last = int(match[3] or (_MAX_PAGE if match[2] else match[1]))
        if not 1 <= first <= last:
            raise ValueError("page numbers count from 1 and go up")
        ranges.append([first, last])
    return ranges


def share(text: str) -> float:
    """Return a number from 0 to 1.

    Raises:
        ValueError: if it is none.
    """
    if not re.fullmatch(r"[01](\.\d{1,6})?", text) or float(text) > 1:
        raise ValueError("a number from 0 to 1 is expected")
    return float(text)
