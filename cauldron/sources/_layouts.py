"""What layouts have in common: the names of splits in file names, and Parquet mirrors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from cauldron.readers.raw import Found, Raw, Row

Files = Callable[[Raw, str], list[Found]]
Names = Mapping[str, tuple[str, ...]]

SPLITS: Names = {"train": ("train",), "val": ("val", "validation", "dev"), "test": ("test",)}
"""A split and its names in files, the source's own first."""


def split_names(split: str, splits: Names = SPLITS) -> tuple[str, ...]:
    """Return the names that a split may have in files; any of them may be asked for."""
    own = splits.get(split)
    return own or next((names for names in splits.values() if split in names), ())


def splits_of(files: Files, splits: Names = SPLITS) -> Callable[[Raw], list[str]]:
    """Return a function that lists the splits which have files."""
    return lambda raw: [split for split in splits if files(raw, split)]


def first_of(raw: Raw, *patterns: str) -> list[Found]:
    """Return the first file of the first pattern that finds one."""
    return next((found[:1] for pattern in patterns if (found := raw.find(pattern))), [])


def parquet_name(row: Row) -> str:
    """Return the name of a row's Parquet file that an id begins with."""
    path = PurePosixPath(row.file)
    return path.stem if "-" in path.stem else f"{path.parent.name}-{path.stem}"


def shown_name(row: Row) -> str:
    """Return what a sample of a Parquet copy is named by: the row, or the first of its pictures."""
    file, record = row.data.get("shown") or (row.file, row.record)
    return f"{parquet_name(replace(row, file=file))}/{record}"


def marking_first(rows: Iterable[Row], key: Callable[[Row], str]) -> Iterator[Row]:
    """Add `first` to the data of each row: whether it is the first one of its key.

    Memory holds the keys. A row without a key is passed on as it is.
    """
    seen: set[str] = set()
    for row in rows:
        try:
            own = key(row)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            yield row
            continue
        yield replace(row, data={**row.data, "first": own not in seen})
        seen.add(own)
