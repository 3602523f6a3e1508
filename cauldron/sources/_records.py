"""A look at the first record of a file whose name says little, such as `train.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cauldron.errors import SourceError, StorageError
from cauldron.readers import json_file, json_lines, json_list
from cauldron.readers.encoding import BOM, utf8
from cauldron.readers.json_stream import parsed
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.sources._layouts import Names
from cauldron.storage.files import is_local

_HEAD_BYTES = 64 << 10
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_SCALAR = rb"(?:%b|[-+.\w]+|\{[^{}]*\}|\[[^\[\]{}]*\])" % _TEXT
_LIST = re.compile(
    rb"\{((?:\s*%b\s*:\s*%b\s*,)*)\s*\"([^\"\\]+)\"\s*:\s*\[\s*(\{[^{}\[\]]*)" % (_TEXT, _SCALAR)
)
"""An object up to the first of its members that is a list of objects, and that list's first one."""
_NAMES = frozenset(
    b"data dataset train training test val validation records rows samples items examples entries "
    b"instances".split()
)
_KEY = re.compile(rb'"(\w+)"\s*:')
_TURN_KEYS = {b"from": 0, b"role": 0, b"speaker": 0, b"value": 1, b"content": 1, b"text": 1}
"""Who speaks, and what: an object with both is a turn of a dialogue, and no record."""


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
    """Rows of a file that holds a JSON list, JSON lines, or one object with a list of records.

    Which of them is told by the first bytes.
    """
    with raw.open(found.url) as stream:
        head = utf8(stream, found.path).read(_HEAD_BYTES).removeprefix(BOM).lstrip()
    if head.startswith(b"["):
        yield from json_list(raw, found, split, source)
    elif not _is_one_object(head):
        yield from json_lines(raw, found, split, source)
    elif at := _list_within(head):
        yield from json_list(raw, found, split, source, at)
    else:
        yield replace(json_file(raw, found, split, source), record="0")


def is_list(raw: Raw, found: Found) -> bool:
    """Say whether a JSON file holds a list of records, at its top or inside its one object."""
    with raw.open(found.url) as stream:
        head = utf8(stream, found.path).read(_HEAD_BYTES).removeprefix(BOM).lstrip()
    return head.startswith(b"[") or (_is_one_object(head) and bool(_list_within(head)))


def _is_one_object(head: bytes) -> bool:
    """Say whether a file is one object, by its beginning, and no lines of objects."""
    if not head.startswith(b"{"):
        return False
    first, _, rest = head.partition(b"\n")
    try:
        parsed(first)
    except ValueError:
        rest, end = rest.lstrip(), first.rstrip()[-1:]
        goes_on = end in b"{[:" or (end == b"," and not rest.startswith(b"{"))
        return goes_on or (len(head) >= _HEAD_BYTES and b"\n" not in head)
    return len(head) < _HEAD_BYTES and not rest.strip()


def _list_within(head: bytes) -> str:
    """Return the key of the first list of objects in an object; "" where these are no records.

    A list of records has a usual name, or is what an object of several lines begins with. Objects
    that tell who speaks, and what, are turns.
    """
    found = _LIST.match(head)
    if found is None:
        return ""
    turns = {_TURN_KEYS[key] for key in _KEY.findall(found[3]) if key in _TURN_KEYS}
    begins = not found[1] and b"\n" in head.strip()
    usual = found[2].lower() in _NAMES
    return found[2].decode("utf-8", "replace") if len(turns) < 2 and (usual or begins) else ""


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
