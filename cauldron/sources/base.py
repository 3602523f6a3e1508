"""What a source is made of: its forms of raw layout, and the conversion of a row.

A source is pure: its `rows` list cheap raw rows in order, `key` says which of them make one sample,
`open` expands a cheap row to heavy ones inside a worker, `convert` turns a row into a draft.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cauldron.errors import UsageError, near
from cauldron.readers.raw import Found, Raw, Row, natural
from cauldron.sample import Draft, Reject, Skip

__all__ = ["Form", "Found", "Option", "Raw", "Row", "Source", "natural"]


def identity(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Open a row that needs no opening."""
    return (row,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that a form can be asked for (`--option name=value`).

    Args:
        read: turns what was written into a value that JSON can hold; raises ValueError, with what
            is expected, where it cannot.
        secret: a password: the ledger keeps only its hash, and `$NAME` stands for a variable of
            the environment, so that a recipe need not hold it.
    """

    name: str
    read: Callable[[str], Any]
    help: str
    secret: bool = False


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
        options: what can be asked for; `Row.options` has it.
        paints_svg: whether drawings in SVG become pictures.
        absent: web addresses of an opened row's pictures that are not here (`cauldron fetch`).
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
    options: tuple[Option, ...] = ()
    paints_svg: bool = False
    absent: Callable[[Row], Iterable[str]] | None = None

    def read_options(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the values of options by name, sorted; `-` and `_` in a name are the same.

        Raises:
            UsageError: if the form has no such option, or cannot read its value.
        """
        known = {option.name: option for option in self.options}
        spelt = {name.replace("-", "_"): name for name in known}
        given = {spelt.get(n.replace("-", "_"), n): value for n, value in given.items()}
        values = {}
        for name, text in sorted(given.items()):
            if name not in known:
                hint = "; ".join(f"{option.name}: {option.help}" for option in self.options)
                raise UsageError(
                    f"form '{self.name}' has no option '{name}'{near(name, known)}",
                    hint=hint or "it has none",
                )
            try:
                values[name] = known[name].read(_revealed(known[name], text))
            except ValueError as error:
                raise UsageError(
                    f"option '{name}' cannot be {'this' if known[name].secret else repr(text)}",
                    hint=f"{error}; {known[name].help}",
                ) from error
        return values


def _revealed(option: Option, text: str) -> str:
    if not option.secret or not text.startswith("$"):
        return text
    if text[1:] not in os.environ:
        raise ValueError(f"the environment has no {text}")
    return os.environ[text[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source: its catalogue name and the forms it is read from, the official one first."""

    name: str
    forms: tuple[Form, ...]
