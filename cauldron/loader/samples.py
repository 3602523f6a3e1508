"""The samples of a manifest by source and row, and the training stream by position.

Rows are read from the shards of the mixture, or through its selection from the samples of the work
folder. Nothing is opened before it is asked for, so that the start does not depend on the size.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.errors import StorageError, UsageError, near
from cauldron.loader.shards import Place, Row, Shards
from cauldron.mixture.manifest import folder_of, order_of, read_manifest
from cauldron.storage import files
from cauldron.storage.keys import key_of
from cauldron.storage.shards import read_table
from cauldron.storage.versions import refuse_newer

CACHE_BYTES = 256 << 20
STATE_VERSION = 1
_PLANNED, _LOCATED = 4096, 256
_READ = 16
_HELD_OUT = "validation_shards"

Sample = Mapping[str, Any]
"""`id`, `source`, `messages`, `images` ([{"bytes"}]) and `extra` of a sample, as plain values."""


_Placed = tuple[list[str], list[int], list[Place]]
"""Sources, epochs and places of positions."""


class Drawn(NamedTuple):
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
class _Side:
    """The rows of one source on one side, training or held out.

    Args:
        urls: the files.
        ends: [files] rows up to the end of each file, for files that are used whole.
        chosen: (file number, row in it) of each row, for files that are used in part.
    """

    urls: tuple[str, ...]
    ends: list[int]
    chosen: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.chosen[0]) if self.chosen else self.ends[-1] if self.ends else 0

    def place(self, row: int) -> Place:
        """Return the file of a row and its row there.

        Raises:
            IndexError: if there is no such row.
        """
        if self.chosen and 0 <= row < len(self):
            return self.urls[int(self.chosen[0][row])], int(self.chosen[1][row])
        file = bisect.bisect_right(self.ends, row)
        if row < 0 or file == len(self.ends):
            raise IndexError(f"row {row} of {len(self)}")
        return self.urls[file], row - (self.ends[file - 1] if file else 0)


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
        self._order_key = key_of(self.manifest["seed"], self.manifest["order"])[:16]
        self._changes: list[tuple[int, dict[str, float]]] = []
        self._sides: dict[tuple[str, str], _Side] = {}
        self._planned: tuple[int, list[tuple[str, int, int]]] = (-1, [])
        self._located: tuple[int, _Placed] = (-1, ([], [], []))
        self._shards = Shards(cache_bytes, self._sizes())

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, in the order of the manifest."""
        return self.order.names

    def __getitem__(self, place: tuple[str, int]) -> Sample:
        """Return the training sample at `(source, row)`."""
        return self.read([place])[0]

    def read(self, rows: Sequence[tuple[str, int]], pictures: bool = True) -> list[Sample]:
        """Return training samples by (source, row); those of remote shards are fetched together.

        Args:
            pictures: read pictures too; without, `images` are left out.

        Raises:
            StorageError: if a shard cannot be read.
        """
        found = self._shards.rows(self._places(rows), pictures)
        return _named((source for source, _ in rows), found)

    def drawn(self, positions: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return source, row and epoch of positions in the endless order."""
        if isinstance(positions, range) and positions.step == 1 and positions:
            block, first = divmod(positions.start, _PLANNED)
            if first + len(positions) <= _PLANNED:
                return self._planned_block(block)[first : first + len(positions)]
        drawn: list[tuple[str, int, int]] = []
        for block, run in itertools.groupby(positions, key=_block_of):
            planned, first = self._planned_block(block), block * _PLANNED
            drawn += [planned[position - first] for position in run]
        return drawn

    def stream(self, start: int, stop: int | None = None) -> Iterator[Drawn]:
        """Yield the training samples at positions `start`, `start + 1`, ... before `stop`."""
        for first in itertools.count(start, _READ):
            last = first + _READ if stop is None else min(first + _READ, stop)
            if first >= last:
                return
            yield from self.at(range(first, last))

    def at(self, positions: Sequence[int]) -> list[Drawn]:
        """Return the training samples at positions."""
        names, epochs, places = self._placed(positions)
        found = _named(names, self._shards.rows(places))
        return list(map(Drawn, positions, names, epochs, found))

    def order_state(self) -> dict[str, Any]:
        """Return which order positions are of: the manifest's, and changes of weights in it."""
        changes = {"changes": self._changes} if self._changes else {}
        return {"version": STATE_VERSION, "order": self._order_key, **changes}

    def load_order_state(self, state: Mapping[str, Any]) -> None:
        """Take positions to be of an order that was saved.

        Raises:
            UsageError: if it is the order of another mixture.
            StorageError: if the state is of a newer version.
        """
        refuse_newer("a loader's state of", state.get("version", 1), STATE_VERSION, "")
        if state.get("order", self._order_key) != self._order_key:
            raise UsageError(
                "the saved state is one of another mixture",
                place=files.redacted(self.url),
                hint="load the manifest it was made with, or begin without a state",
            )
        self.order = order_of(self.manifest)
        self._planned, self._located = (-1, []), (-1, ([], [], []))
        self._changes = [
            (int(position), dict(weights)) for position, weights in state.get("changes", [])
        ]
        for position, weights in self._changes:
            self.order = self.order.reweighed(position, weights)

    def size(self, source: str) -> int:
        """Return the number of training samples of a source."""
        return int(self._known(source)["samples"])

    def held_out(self, source: str) -> int:
        """Return the number of samples of a source that are held out of training."""
        return int(self._known(source)["validation"]["samples"])

    def validation(self, source: str, limit: int | None = None) -> Iterator[Sample]:
        """Yield the held-out samples of a source in stored order."""
        side = self._side(source, _HELD_OUT)
        rows = range(len(side))[:limit]
        for first in range(0, len(rows), _READ):
            places = [side.place(row) for row in rows[first : first + _READ]]
            yield from _named(itertools.repeat(source), self._shards.rows(places))

    def text(self, source: str, row: int) -> Sample:
        """Return a training sample without its pictures."""
        return self.read([(source, row)], pictures=False)[0]

    def close(self) -> None:
        """Close the files and drop the cache."""
        self._shards.close()

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

    def _planned_block(self, block: int) -> list[tuple[str, int, int]]:
        if self._planned[0] != block:
            positions = np.arange(block * _PLANNED, (block + 1) * _PLANNED)
            number, row, epoch = (part.tolist() for part in self.order.samples_at(positions))
            names = map(self.names.__getitem__, number)
            self._planned = block, list(zip(names, row, epoch, strict=True))
        return self._planned[1]

    def _placed(self, positions: Sequence[int]) -> _Placed:
        """Return sources, epochs and places of positions; those that follow are found with them."""
        if isinstance(positions, range) and positions.step == 1:
            block, first = divmod(positions.start, _LOCATED)
            last = first + len(positions)
            if last <= _LOCATED:
                if self._located[0] != block:
                    start = block * _LOCATED
                    self._located = block, self._locate(range(start, start + _LOCATED))
                names, epochs, places = self._located[1]
                return names[first:last], epochs[first:last], places[first:last]
        return self._locate(positions)

    def _locate(self, positions: Sequence[int]) -> _Placed:
        drawn = self.drawn(positions)
        places = self._places([(name, row) for name, row, _ in drawn])
        return [name for name, _, _ in drawn], [epoch for _, _, epoch in drawn], places

    def _places(self, rows: Iterable[tuple[str, int]]) -> list[Place]:
        side = self._side
        return [side(source, "shards").place(row) for source, row in rows]

    def _side(self, source: str, kind: str) -> _Side:
        if (source, kind) not in self._sides:
            shards = self._known(source)[kind]
            selected = any(shard["url"].startswith("selection/") for shard in shards)
            locate = self._selected if selected else self._written
            self._sides[source, kind] = locate(source, shards)
        return self._sides[source, kind]

    def _written(self, source: str, shards: Sequence[Mapping[str, Any]]) -> _Side:
        return _Side(
            tuple(self._beside(shard["url"]) for shard in shards),
            list(itertools.accumulate(shard["rows"] for shard in shards)),
        )

    def _selected(self, source: str, shards: Sequence[Mapping[str, Any]]) -> _Side:
        """Follow the selection into the samples of the work folder, WORK/mixture/NAME/../..

        Raises:
            StorageError: if samples are changed: they stand there as they were read.
        """
        if self._known(source).get("edits"):
            raise StorageError(
                f"pictures, paragraphs or turns of samples of '{source}' change; that takes shards",
                place=files.redacted(self.url),
                hint="mix again with --materialize",
            )
        table = pa.concat_tables(
            read_table(self._beside(s["url"]), ["part", "row"]) for s in shards
        )
        parts = table["part"].combine_chunks().dictionary_encode()
        folder = files.join(self._place.rsplit("/", 2)[0], "samples", source)
        urls = tuple(files.join(folder, part) for part in parts.dictionary.to_pylist())
        chosen = parts.indices.to_numpy(), table["row"].to_numpy()
        return _Side(urls, [], chosen)

    def _sizes(self) -> dict[str, int]:
        """Return the bytes of each shard by URL."""
        sides = [s[kind] for s in self.manifest["sources"] for kind in ("shards", _HELD_OUT)]
        return {self._beside(s["url"]): s["size_bytes"] for shards in sides for s in shards}

    @functools.cached_property
    def _place(self) -> str:
        folder = folder_of(self.url)
        place = str(files.local_path(folder).resolve()) if files.is_local(folder) else folder
        return place.rstrip("/")

    def _beside(self, url: str) -> str:
        return url if "://" in url else f"{self._place}/{url.strip('/')}"


def _named(sources: Iterable[str], rows: list[Row]) -> list[Sample]:
    """Return rows as samples; each is its own, so its source is added in place."""
    for source, row in zip(sources, rows, strict=False):
        row["source"] = source
    return list[Sample](rows)


def _block_of(position: int) -> int:
    return position // _PLANNED
