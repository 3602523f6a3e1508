"""Fields of a record to score: read as what a metric needs, or refused by name."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any

from cauldron.errors import UsageError

Record = Mapping[str, Any]

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


def text(record: Record, name: str) -> str:
    """Return a field as text; a number is written out.

    Raises:
        UsageError: if it is missing or no text.
    """
    return _text(field(record, name), name)


def texts(record: Record, name: str) -> list[str]:
    """Return a field as a list of texts; one text alone is a list of one.

    Raises:
        UsageError: if it is missing, empty or holds something else.
    """
    found = field(record, name)
    listed = found if isinstance(found, list) else [found]
    if not listed:
        raise UsageError(f"field '{name}' is empty")
    return [_text(part, name) for part in listed]


def options(record: Record, name: str) -> dict[str, str]:
    """Return a field of options by letter; a list gets the letters from A on.

    Raises:
        UsageError: if it is missing, empty or holds something else.
    """
    return lettered(field(record, name), name)


def lettered(found: Any, name: str) -> dict[str, str]:
    """Return options by letter, from a mapping or a list of texts.

    Raises:
        UsageError: if they are something else.
    """
    pairs: Iterable[tuple[Any, Any]] | None = found.items() if isinstance(found, dict) else None
    if isinstance(found, list) and len(found) <= len(string.ascii_uppercase):
        pairs = zip(string.ascii_uppercase, found, strict=False)
    if not pairs or not found:
        raise UsageError(
            f"field '{name}' must be a mapping of letters to texts, or a list of texts"
        )
    return {str(letter): _text(part, name) for letter, part in pairs}


def field(record: Record, name: str) -> Any:
    """Return a field that must be there.

    Raises:
        UsageError: if it is not.
    """
    if record.get(name) is None:
        raise UsageError(
            f"field '{name}' is missing" if name not in record else f"'{name}' is null"
        )
    return record[name]


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return _LONE_SURROGATES.sub("\ufffd", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise UsageError(f"field '{name}' must be text, not {_kind(value)}")


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", list: "a list", dict: "an object", type(None): "null"}
    return kinds[type(value)]
