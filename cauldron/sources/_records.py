"""A look at the first record of a file whose name says little, such as `train.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cauldron.errors import SourceError, StorageError
from cauldron.readers import json_lines, json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.sources._layouts import Names
from cauldron.storage.files import is_local


def holds(rows: Iterator[Row], *fields: str) -> bool:
    """Say whether the first record has these fields.

    A damaged file, or one without any record, counts as fitting, so that ingest says why.
    """
    try:
        first = next(rows, None)
    except StorageError:
        return True
    except SourceError:
        return False
    if first is None or isinstance(first.data, Reject):
        return True
    return isinstance(first.data, dict) and set(fields) <= first.data.keys()


def renamed(raw: Raw, split: str, names: Names, source: str, needed: Iterable[str]) -> list[Found]:
    """Return JSON files of any name whose first record has these fields, for the training split.

    A part of a set, or a copy, seldom keeps the name of the published file. Where a file of a
    published name is there, of whatever split, none of another name is taken.
    """
    published = [pattern for patterns in names.values() for pattern in patterns]
    if split != "train" or raw.find(*published):
        return []
    found = raw.find("*.json", "*.jsonl", "*.ndjson")
    return [file for file in found if begins_with(raw, file, source, needed)]


def begins_with(raw: Raw, found: Found, source: str, fields: Iterable[str]) -> bool:
    """Say whether the first record of a file can be read and has these fields."""
    first = next(readable(records(raw, found, "train", source), found, "train", source), None)
    return first is not None and isinstance(first.data, dict) and first.data.keys() >= set(fields)


def records(raw: Raw, found: Found, split: str, source: str) -> Iterator[Row]:
    """Rows of a file that holds a JSON list, or JSON lines: told by its first character."""
    with raw.open(found.url) as stream:
        head = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    yield from (json_list if head.startswith(b"[") else json_lines)(raw, found, split, source)


def readable(rows: Iterator[Row], found: Found, split: str, source: str) -> Iterator[Row]:
    """Rows of a file of unknown origin up to its first fault, which becomes one rejected row.

    For sources that take any file: one that is damaged does not cost the others. A failure of a
    remote place is no fault of the file and stops the run.
    """
    try:
        yield from rows
    except (SourceError, StorageError) as error:
        if isinstance(error, StorageError) and not is_local(found.url):
            raise
        reject = Reject(reason="file_unreadable", detail=error.message)
        yield Row(
            file=found.path,
            record="",
            data=reject,
            folder=found.folder,
            split=split,
            source=source,
        )
