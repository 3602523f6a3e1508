"""The error tree: every error that a user can meet, by who can act on it.

CauldronError          exit 1
├── UsageError         exit 2   the command line or an argument
├── RecipeError        exit 2   a recipe, rules or settings file
├── SourceError        exit 2   raw data that is not where or what it should be
│   └── CardMissing             a source without a data card
├── CheckError         exit 3   too many rejects, a failed check or a broken sum
├── StorageError       exit 4   a place that cannot be read or written
├── HubError           exit 4   a network service
├── Stopped            exit 130 a run that was told to stop, and can go on
└── OtherShares        exit 0   this share of a step is done, those of others are not yet

A single bad record is never one of these: it is a `Reject`, counted and kept in quarantine.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CauldronError(Exception):
    """What is wrong, where, and what to do about it.

    Args:
        message: what is wrong, in one sentence.
        place: file, line, key or record that it was found at.
        hint: what the user can do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.place, self.hint = message, place, hint

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.place, self.hint)


def _rebuild(kind: type[CauldronError], message: str, place: str, hint: str) -> CauldronError:
    return kind(message, place=place, hint=hint)


class UsageError(CauldronError):
    """A wrong argument on the command line."""

    exit_code = 2


class RecipeError(CauldronError):
    """A recipe or rules file that says something impossible."""

    exit_code = 2


class SourceError(CauldronError):
    """Raw data that is missing or not in a known layout."""

    exit_code = 2


class CardMissing(SourceError):
    """A source without a data card."""


class CheckError(CauldronError):
    """Too many rejects, a count that does not add up, a checksum that differs."""

    exit_code = 3


class StorageError(CauldronError):
    """A place that cannot be read or written."""

    exit_code = 4


class HubError(CauldronError):
    """A network service that refused or did not answer."""

    exit_code = 4


def near(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for a misspelt name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


class Stopped(CauldronError):
    """A run that was told to stop and has saved where it was."""

    exit_code = 130


class OtherShares(CauldronError):
    """This share of a step is done; the call that finds all of them done finishes the step.

    Args:
        left: jobs of other shares that are not done.
        total: jobs of the step.
        share: (number from 0, of how many).
    """

    exit_code = 0

    def __init__(self, left: int, total: int, share: tuple[int, int] | None) -> None:
        number, of = share or (0, 1)
        super().__init__(
            f"share {number + 1}/{of} is done; {left} of {total} jobs of other shares are not",
            hint="the share that ends last finishes the step; so does the same call again",
        )
        self.args = (left, total, share)

    def __reduce__(self) -> tuple[object, ...]:
        return OtherShares, self.args
