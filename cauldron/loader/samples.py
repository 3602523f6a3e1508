"""The samples of a manifest by source and row, and the training stream by position.

Rows are read from the shards of the mixture, or through its selection from the samples of the work
folder. Row groups are kept in a cache of bounded size, so that memory does not grow with the data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.errors import StorageError, near
from cauldron.mixture.manifest import order_of, read_manifest
from cauldron.storage import files
from cauldron.storage.shards import open_parquet, read_table

CACHE_BYTES = 256 << 20
MAX_OPEN_FILES = 64
_STEP = 256

Sample = Mapping[str, Any]
"""One row of `sample.SAMPLE_SCHEMA` as plain values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A sample of the training stream: where it stands, and the sample.

    Args:
        position: place in the endless order of the mixture.
        source: name of the source.
        epoch: how often the source was seen whole before.
    """

    position: int
    source: str
    epoch: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one source on one side: file number and row in that file, for each row."""

    urls: tuple[str, ...]
    file: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]


class Samples:
    """Random access to the samples that a manifest names.

    Args:
        manifest: URL of manifest.json, or of the folder that holds it.
        cache_bytes: most bytes of decoded row groups that are kept.

    Raises:
        StorageError: if the manifest cannot be read.
    """

    def __init__(self, manifest: str, cache_bytes: int = CACHE_BYTES) -> None:
        self.url = manifest if manifest.endswith(".json") else files.join(manifest, "manifest.json")
        self.manifest = read_manifest(self.url)
        self.order = order_of(self.manifest)
        self._sources = {source["name"]: source for source in self.manifest["sources"]}
        self._sides: dict[tuple[str, str], _Rows] = {}
        self._groups = _RowGroups(cache_bytes)

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, in the order of the manifest."""
        return self.order.names

    def __getitem__(self, place: tuple[str, int]) -> Sample:
        """Return the training sample at `(source, row)`."""
        source, row = place
        return self._read(self._side(source, "shards"), row)

    def stream(self, start: int, stop: int | None = None) -> Iterator[Drawn]:
        """Yield the training samples at positions `start`, `start + 1`, ... before `stop`."""
        position = start
        while stop is None or position < stop:
            upto = position + _STEP if stop is None else min(position + _STEP, stop)
            drawn = self.order.samples_at(np.arange(position, upto))
            for number, row, epoch in zip(*(part.tolist() for part in drawn), strict=True):
                name = self.names[number]
                yield Drawn(position=position, source=name, epoch=epoch, sample=self[name, row])
                position += 1

    def size(self, source: str) -> int:
        """Return the number of training samples of a source."""
        return int(self._known(source)["samples"])

    def held_out(self, source: str) -> int:
        """Return the number of samples of a source that are held out of training."""
        return int(self._known(source)["validation"]["samples"])

    def validation(self, source: str, limit: int | None = None) -> Iterator[Sample]:
        """Yield the held-out samples of a source in stored order."""
        side = self._side(source, "validation_shards")
        for row in range(len(side.row))[:limit]:
            yield self._read(side, row)

    def text(self, source: str, row: int) -> Sample:
        """Return `id` and `messages` of a training sample without reading pictures."""
        return self._read(self._side(source, "shards"), row, pictures=False)

    def close(self) -> None:
        """Close the files and drop the cache."""
        self._groups.close()

    def __enter__(self) -> Samples:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _known(self, source: str) -> Mapping[str, Any]:
        if source not in self._sources:
            raise StorageError(
                f"no source '{source}'{near(source, self._sources)}", place=files.redacted(self.url)
            )
        known: Mapping[str, Any] = self._sources[source]
        return known

    def _side(self, source: str, kind: str) -> _Rows:
        if (source, kind) not in self._sides:
            shards = self._known(source)[kind]
            selected = any(shard["url"].startswith("selection/") for shard in shards)
            locate = self._selected if selected else self._written
            self._sides[source, kind] = locate(source, shards)
        return self._sides[source, kind]

    def _written(self, source: str, shards: Sequence[Mapping[str, Any]]) -> _Rows:
        rows = [shard["rows"] for shard in shards]
        return _Rows(
            tuple(self._beside(shard["url"]) for shard in shards),
            np.repeat(np.arange(len(rows)), rows),
            np.concatenate([np.arange(n) for n in rows]) if rows else np.zeros(0, np.int64),
        )

    def _selected(self, source: str, shards: Sequence[Mapping[str, Any]]) -> _Rows:
        """Follow the selection into the samples of the work folder, WORK/mixture/NAME/../.."""
        table = pa.concat_tables(
            read_table(self._beside(s["url"]), ["part", "row"]) for s in shards
        )
        parts, number = np.unique(table["part"].to_numpy(), return_inverse=True)
        folder = files.join(self._folder().rsplit("/", 2)[0], "samples", source)
        urls = tuple(files.join(folder, str(part)) for part in parts)
        return _Rows(urls, number.astype(np.int64), table["row"].to_numpy())

    def _folder(self) -> str:
        folder = self.url.rpartition("/")[0] or "."
        return str(files.local_path(folder).resolve()) if files.is_local(folder) else folder

    def _beside(self, url: str) -> str:
        return url if "://" in url else files.join(self._folder(), url)

    def _read(self, side: _Rows, row: int, pictures: bool = True) -> Sample:
        if not 0 <= row < len(side.row):
            raise IndexError(f"row {row} of {len(side.row)}")
        url = side.urls[int(side.file[row])]
        return self._groups.row(url, int(side.row[row]), pictures)


class _RowGroups:
    """Rows of Parquet files through a cache of row groups, least recently used out first."""

    def __init__(self, cache_bytes: int) -> None:
        self._cache_bytes, self._held_bytes = cache_bytes, 0
        self._tables: OrderedDict[tuple[str, int, bool], pa.Table] = OrderedDict()
        self._open: OrderedDict[str, tuple[ExitStack, pq.ParquetFile, Any]] = OrderedDict()

    def row(self, url: str, row: int, pictures: bool) -> Sample:
        """Return one row; without `pictures` the column of pictures is left out."""
        file, ends = self._file(url)
        if row >= ends[-1]:
            raise StorageError(f"holds {ends[-1]} rows, not {row + 1}", place=files.redacted(url))
        group = int(np.searchsorted(ends, row, side="right"))
        table = self._table(url, file, group, pictures)
        first = int(ends[group - 1]) if group else 0
        sample: Sample = table.slice(row - first, 1).to_pylist()[0]
        return sample

    def close(self) -> None:
        """Close all files and forget all row groups."""
        for stack, _, _ in self._open.values():
            stack.close()
        self._open.clear()
        self._tables.clear()
        self._held_bytes = 0

    def _table(self, url: str, file: pq.ParquetFile, group: int, pictures: bool) -> pa.Table:
        key = (url, group, pictures)
        if key in self._tables:
            self._tables.move_to_end(key)
            return self._tables[key]
        columns = None if pictures else ["id", "messages"]
        try:
            table = file.read_row_group(group, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise StorageError(f"cannot read rows: {error}", place=files.redacted(url)) from error
        self._tables[key] = table
        self._held_bytes += table.nbytes
        while self._held_bytes > self._cache_bytes and len(self._tables) > 1:
            self._held_bytes -= self._tables.popitem(last=False)[1].nbytes
        return table

    def _file(self, url: str) -> tuple[pq.ParquetFile, Any]:
        if url not in self._open:
            while len(self._open) >= MAX_OPEN_FILES:
                self._open.popitem(last=False)[1][0].close()
            stack = ExitStack()
            file = stack.enter_context(open_parquet(url))
            sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
            self._open[url] = (stack, file, np.cumsum([*sizes] or [0]))
        self._open.move_to_end(url)
        return self._open[url][1:]
