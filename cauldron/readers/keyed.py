"""Pictures kept under keys in one large file: a JSON object of base64, or Parquet with a key a row.

Only keys and places are held; a JSON file is looked through once a process, where it lies.
"""

from __future__ import annotations

import base64
import binascii
import functools
import mmap
import re
from collections.abc import Iterator
from typing import Any

from cauldron.errors import StorageError
from cauldron.readers.archives import split_url
from cauldron.readers.columnar import columns, opened_parquet
from cauldron.readers.pictured import cells_at
from cauldron.readers.raw import Found
from cauldron.storage.files import is_local, local_path

_ENTRY = re.compile(rb'"((?:[^"\\]|\\.){1,200})"\s*:\s*"')
_KEYS = ("id", "key", "__index_level_0__", "index")
_VALUES = ("base64", "image")
_BATCH_ROWS = 10_000

Place = tuple[str, int, int | str]
"""A file with offset and length, or a Parquet file with row and column."""


class KeyedPictures:
    """The pictures of some files, found by their keys.

    Raises:
        StorageError: if a file cannot be read, or is JSON that does not lie on this machine.
    """

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._places: dict[str, Place] = {}
        for url in urls:
            self._places.update(_parquet(url) if url.endswith(".parquet") else _json(url))

    def find(self, *keys: str) -> bytes | None:
        """Return the picture of the first key that there is.

        Raises:
            StorageError: if it cannot be read.
        """
        place = next((self._places[key] for key in keys if key in self._places), None)
        if place is None:
            return None
        url, start, last = place
        if isinstance(last, str):
            return _bytes(cells_at(url, start, (last,))[last])
        with local_path(url).open("rb") as file:
            file.seek(start)
            return _bytes(file.read(last).decode("ascii", "replace"))


def is_picture_table(found: Found) -> bool:
    """Say whether a Parquet file has pictures and a key for each, and nothing else to say."""
    names = columns(found)
    return bool(names & set(_VALUES)) and bool(names & set(_KEYS)) and len(names) <= 3


@functools.lru_cache(maxsize=1)
def keyed_pictures(urls: tuple[str, ...]) -> KeyedPictures:
    """Return the pictures of these files; they are looked through once a process."""
    return KeyedPictures(urls)


def _json(url: str) -> Iterator[tuple[str, Place]]:
    if not is_local(url) or split_url(url):
        raise StorageError("pictures inside JSON are read from unpacked local files", place=url)
    with local_path(url).open("rb") as file:
        if not local_path(url).stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            at = 0
            while (match := _ENTRY.search(view, at)) is not None:
                start = match.end()
                at = view.find(b'"', start)
                if at < 0:
                    return  # a file that was cut off keeps what stands before the cut
                yield match[1].decode("utf-8", "replace"), (url, start, at - start)
                at += 1


def _parquet(url: str) -> Iterator[tuple[str, Place]]:
    with opened_parquet(url) as file:
        names = file.schema_arrow.names
        key = next(name for name in _KEYS if name in names)
        value = next(name for name in _VALUES if name in names)
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[key]):
            for named in batch.column(0).to_pylist():
                yield str(named), (url, number, value)
                number += 1


def _bytes(value: Any) -> bytes | None:
    """Return a picture as it was encoded; base64 may be of either alphabet, with a prefix."""
    if isinstance(value, dict):
        value = value.get("bytes")
    if value is None or isinstance(value, bytes):
        return value
    text = re.sub(r"\s+|\\n", "", str(value)).replace("\\/", "/")
    text = text.partition(";base64,")[2] or text
    text = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StorageError(f"not base64: {error}") from error
