"""Samples marked by hand: a block list and an allow list, one id a line, that recipes take."""

from __future__ import annotations

from collections.abc import Iterable

from cauldron.curate.lists import read_ids
from cauldron.errors import UsageError
from cauldron.storage import files

LISTS = ("block", "allow")


def marks_url(place: str, name: str) -> str:
    """Return the file of a list in a work folder."""
    return files.join(place, "marks", f"{name}.txt")


def mark(place: str, name: str, ids: Iterable[str], on: bool) -> frozenset[str]:
    """Put ids on a list, or take them off; a sample is on one list at most.

    Returns:
        The ids of the list.

    Raises:
        UsageError: if there is no such list, or an id cannot stand on a line.
    """
    if name not in LISTS:
        raise UsageError(f"no list '{name}'", hint=f"one of: {', '.join(LISTS)}")
    chosen = frozenset(ids)
    if any(not text or not text.isprintable() or " " in text for text in chosen):
        raise UsageError("not the id of a sample")
    held = {known: read_ids(marks_url(place, known)) for known in LISTS}
    for known in LISTS:
        new = held[known] | chosen if on and known == name else held[known] - chosen
        if new != held[known]:
            text = "".join(f"{line}\n" for line in sorted(new))
            files.write_bytes(marks_url(place, known), text.encode())
            held[known] = new
    return held[name]
