"""Rows of shards through their indexes: slices of a memory map, or byte ranges of a store.

A shard without an index, or with one that is not its own, is read by row groups.
"""

from __future__ import annotations

import mmap
import resource
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import orjson

from cauldron.errors import StorageError
from cauldron.loader.groups import RowGroups
from cauldron.loader.ranges import Range, fetch
from cauldron.storage import files
from cauldron.storage.index import ShardIndex, index_url, parse, parse_places, places_end

MAX_OPEN_SHARDS = 4096
MAX_REMOTE_INDEXES = 1024
_FIRST_BYTES = 64 << 10
_LENGTH = struct.Struct("<I")
"""Stands before each picture in its shard."""

Row = dict[str, Any]
"""`id`, `messages`, `extra` and `images` ([{"bytes"}]) of a row, as plain values."""
Place = tuple[str, int]
"""URL of a shard, and a row in it."""
_Reader = Callable[[int, bool], Row]
"""Reads a row of one local shard, with or without its pictures."""
_T = TypeVar("_T")


class Shards:
    """Rows of any shards by URL and number, from several threads at once.

    Args:
        cache_bytes: most bytes of row groups that are kept of shards without an index.
        sizes: bytes of shards, as the manifest says; an index of a remote shard that was made for
            another size is not used.
    """

    def __init__(self, cache_bytes: int, sizes: Mapping[str, int] = MappingProxyType({})) -> None:
        self._sizes = sizes
        self._groups = RowGroups(cache_bytes)
        self._near = _Recent[_Reader](_most_open())
        self._remote = _Recent[ShardIndex | None](MAX_REMOTE_INDEXES)

    def rows(self, places: Sequence[Place], pictures: bool = True) -> list[Row]:
        """Return rows in the order asked for; those of remote shards are fetched together.

        Raises:
            StorageError: if a shard cannot be read or has no such row.
        """
        known = self._near.known
        if all(url in known for url, _ in places):
            return [known[url](row, pictures) for url, row in places]
        far = [n for n, (url, _) in enumerate(places) if not files.is_local(url)]
        fetched = dict(zip(far, self._far([places[n] for n in far], pictures), strict=True))
        return [
            fetched[n] if n in fetched else self._near.get(url, self._reader)(row, pictures)
            for n, (url, row) in enumerate(places)
        ]

    def close(self) -> None:
        """Let go of all files."""
        self._groups.close()
        self._near.clear()
        self._remote.clear()

    def _reader(self, url: str) -> _Reader:
        """Return what reads rows of a local shard: through its index, or by row groups."""
        return _mapped(url) or partial(self._groups.row, url)

    def _far(self, places: Sequence[Place], pictures: bool) -> list[Row]:
        self._learn(list(dict.fromkeys(url for url, _ in places)))
        indexes = [self._remote.get(url, self._places) for url, _ in places]
        wanted: list[Range] = []
        for (url, row), index in zip(places, indexes, strict=True):
            if index is not None:
                wanted += _ranges(url, row, index, pictures)
        blocks = iter(fetch(wanted))
        return [
            self._groups.row(url, row, pictures)
            if index is None
            else _row(blocks, len(index.ranges(row)) if pictures else 0)
            for (url, row), index in zip(places, indexes, strict=True)
        ]

    def _learn(self, urls: list[str]) -> None:
        """Read the indexes that are not known yet, side by side."""
        unknown = [url for url in urls if url not in self._remote]
        try:
            begun = fetch([(index_url(url), 0, _FIRST_BYTES) for url in unknown])
        except StorageError:
            return  # one of them has none: each is asked for alone
        for url, begin in zip(unknown, begun, strict=True):
            self._remote.get(url, partial(self._places, begin=begin))

    def _places(self, url: str, begin: bytes | None = None) -> ShardIndex | None:
        """Return the places of a remote shard, or None when it has no index of its own.

        Args:
            begin: the first bytes of the index where they are known.
        """
        try:
            begin = begin or fetch([(index_url(url), 0, _FIRST_BYTES)])[0]
            end = places_end(begin)
            if len(begin) < end:
                begin += fetch([(index_url(url), len(begin), end)])[0]
            index = parse_places(begin[:end], url)
        except StorageError:
            return None
        return index if self._sizes.get(url, index.shard_bytes) == index.shard_bytes else None


class _Recent(Generic[_T]):
    """What was made for URLs, least recently used out first."""

    def __init__(self, most: int) -> None:
        self._made: OrderedDict[str, _T] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def __contains__(self, url: str) -> bool:
        return url in self._made

    @property
    def known(self) -> Mapping[str, _T]:
        """What is there, while it is far from full: which was used last does not matter yet."""
        return self._made if len(self._made) * 2 < self._most else {}

    def get(self, url: str, make: Callable[[str], _T]) -> _T:
        with self._lock:
            if url in self._made:
                self._made.move_to_end(url)
                return self._made[url]
        made = make(url)
        with self._lock:
            self._made[url] = made
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made

    def clear(self) -> None:
        self._made.clear()


def _mapped(url: str) -> _Reader | None:
    """Map a local shard and its index, or return None when it has none of its own."""
    try:
        shard = _mapped_file(url)
    except OSError as error:
        raise StorageError(f"cannot read: {error.strerror}", place=url) from error
    try:
        index = parse(_mapped_file(index_url(url)), url)
    except (OSError, ValueError, StorageError):
        return None
    return _slices(url, shard, index) if index.shard_bytes == len(shard) else None


def _slices(url: str, shard: mmap.mmap, index: ShardIndex) -> _Reader:
    """Return what slices rows out of memory maps; names are bound once, as it runs for each row."""
    text, start, first = index.text, index.text_start, index.first_picture
    offsets, lengths, loads = index.offset, index.length, orjson.loads
    length_before = _LENGTH.unpack_from

    def read(row: int, pictures: bool) -> Row:
        found: Row = loads(text[start[row] : start[row + 1]])
        images = found["images"] = []
        for number in range(first[row], first[row + 1]) if pictures else ():
            offset, length = offsets[number], lengths[number]
            if length_before(shard, offset - _LENGTH.size) != (length,):
                raise StorageError(
                    "its index belongs to another shard",
                    place=files.redacted(url),
                    hint="mix again with --materialize",
                )
            images.append({"bytes": shard[offset : offset + length]})
        return found

    return read


def _mapped_file(url: str) -> mmap.mmap:
    with files.local_path(url).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _ranges(url: str, row: int, index: ShardIndex, pictures: bool) -> Iterator[Range]:
    start, end = (index.text_offset + at for at in index.text_start[row : row + 2])
    yield index_url(url), start, end
    if pictures:
        yield from ((url, offset, offset + length) for offset, length in index.ranges(row))


def _row(blocks: Iterator[bytes], pictures: int) -> Row:
    found: Row = orjson.loads(next(blocks))
    found["images"] = [{"bytes": block} for block in islice(blocks, pictures)]
    return found


def _most_open() -> int:
    """Two files stand open for each shard; three quarters of what is allowed is left to others."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(soft // 8, MAX_OPEN_SHARDS), 4) if soft > 0 else MAX_OPEN_SHARDS
