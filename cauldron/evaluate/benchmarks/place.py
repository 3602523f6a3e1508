"""A folder or URL with the files of a benchmark: JSON, TSV, Parquet and pictures by name."""

from __future__ import annotations

import base64
import csv
import fnmatch
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from cauldron.errors import SourceError, StorageError
from cauldron.storage import files
from cauldron.storage.shards import iter_batches

_ROWS = 32  # of Parquet in memory at once: pictures are inside


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, in memory or where it is read from when it is needed."""

    payload: bytes = b""
    url: str = ""

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            StorageError: if it cannot be read.
        """
        return self.payload or files.read_bytes(self.url)


class Place:
    """The files below a folder or URL, listed once.

    Raises:
        StorageError: if it does not exist.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        if not files.exists(url):
            raise StorageError("no such folder", place=files.redacted(url))

    @cached_property
    def names(self) -> list[str]:
        """Paths of all files, relative and sorted."""
        return files.find_files(self.url)

    @cached_property
    def _by_base(self) -> dict[str, str]:
        return {name.rpartition("/")[2]: name for name in reversed(self.names)}

    def find(self, *patterns: str) -> list[str]:
        """Return the files whose last name fits the first pattern that fits any."""
        for pattern in patterns:
            found = [n for n in self.names if fnmatch.fnmatchcase(n.rpartition("/")[2], pattern)]
            if found:
                return found
        return []

    def one(self, *patterns: str) -> str:
        """Return the first file that fits.

        Raises:
            SourceError: if none does.
        """
        found = self.find(*patterns)
        if not found:
            raise SourceError(f"no file {' or '.join(patterns)}", place=files.redacted(self.url))
        return found[0]

    def json(self, *patterns: str, under: str = "") -> Any:
        """Read the first JSON file that fits.

        Args:
            under: name of the folder that it stands in, where several have one of that name.

        Raises:
            SourceError: if none does, or it is not JSON.
        """
        found = [n for n in self.find(*patterns) if not under or under in n.split("/")[:-1]]
        return self._parsed(found[0] if found else self.one(*patterns))

    def text(self, name: str) -> str:
        """Read a text file."""
        return files.read_bytes(files.join(self.url, name)).decode("utf-8", "replace")

    def _parsed(self, name: str) -> Any:
        url = files.join(self.url, name)
        try:
            return orjson.loads(files.read_bytes(url))
        except orjson.JSONDecodeError as error:
            raise SourceError(f"not JSON: {error}", place=files.redacted(url)) from error

    def lines(self, *patterns: str) -> Iterator[Any]:
        """Yield the objects of a file of JSON lines."""
        url = files.join(self.url, self.one(*patterns))
        for number, line in enumerate(files.read_bytes(url).splitlines(), 1):
            if line.strip():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    where = f"{files.redacted(url)}:{number}"
                    raise SourceError(f"not JSON: {error}", place=where) from error

    def table(self, *patterns: str) -> Iterator[dict[str, str]]:
        """Yield the rows of a TSV or CSV file."""
        name = self.one(*patterns)
        text = self.text(name)
        limit = csv.field_size_limit(1 << 30)
        try:
            delimiter = "\t" if name.endswith(".tsv") else ","
            yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        finally:
            csv.field_size_limit(limit)

    def picture(self, *names: str) -> Picture:
        """Return the first picture of these names that is there; a bare name is found anywhere.

        Raises:
            SourceError: if none is.
        """
        for name in names:
            found = name if name in self._known else self._by_base.get(name.rpartition("/")[2])
            if found:
                return Picture(url=files.join(self.url, found))
        raise SourceError(f"no picture {' or '.join(names)}", place=files.redacted(self.url))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

    def parquet(self, split: str) -> list[str]:
        """Return the Parquet files of a split: named after it, or in a folder of its name."""
        tables = [n for n in self.names if n.endswith(".parquet")]
        return [
            name
            for name in tables
            if name.rpartition("/")[2].split("-")[0].removesuffix(".parquet") == split
            or split in name.split("/")[:-1]
        ]

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of Parquet files, a few in memory at once."""
        for name in names:
            for batch in iter_batches(files.join(self.url, name), rows=_ROWS):
                yield from batch.to_pylist()


def stored(cell: Any) -> Picture:
    """Return the picture of a cell of hub Parquet.

    Raises:
        TypeError: if it holds no bytes.
    """
    payload = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if not isinstance(payload, bytes) or not payload:
        raise TypeError("a cell without a picture")
    return Picture(payload)


def from_base64(text: str) -> Picture:
    """Return the picture of a text in base 64."""
    return Picture(base64.b64decode(text))
