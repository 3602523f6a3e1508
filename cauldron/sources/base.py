"""What a source is made of: its forms of raw layout, and the conversion of a row.

A source is pure: its `rows` list cheap raw rows in order, `key` says which of them make one sample,
`open` expands a cheap row to heavy ones inside a worker, `convert` turns a row into a draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cauldron.readers.raw import Found, Raw, Row, natural
from cauldron.sample import Draft, Reject, Skip

__all__ = ["Form", "Found", "Raw", "Row", "Source", "natural"]


def identity(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Open a row that needs no opening."""
    return (row,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One layout in which a source's raw data comes.

    Args:
        name: `official`, `hub`, or a mirror's name.
        files: the files of a split, none when the layout is not there.
        splits: the splits that are there.
        rows: cheap rows of these files in order, streamed.
        key: rows of equal key become one sample; also the last part of the sample's id.
        convert: one row to a draft, a reject or a skip.
        open: expands a cheap row inside a worker (a Parquet row group, a PDF).
        wanted: what to download and where it goes, in one sentence.
        pictures: where pictures that are named by file come from, when they are a download of
            their own; told when none of the first ones can be found.
    """

    name: str
    files: Callable[[Raw, str], list[Found]]
    splits: Callable[[Raw], list[str]]
    rows: Callable[[Raw, list[Found], str], Iterator[Row]]
    key: Callable[[Row], str]
    convert: Callable[[Row], Draft | Reject | Skip]
    open: Callable[[Row, Raw], Iterable[Row | Reject]] = identity
    wanted: str = ""
    pictures: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source: its catalogue name and the forms it is read from, the official one first."""

    name: str
    forms: tuple[Form, ...]
