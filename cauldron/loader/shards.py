"""Rows of shards through their indexes: slices of a memory map, or byte ranges of a store.

A shard without an index, or with one that is not its own, is read by row groups.
"""

from __future__ import annotations

import mmap
import os
import resource
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import orjson

from cauldron.errors import StorageError
from cauldron.loader.groups import RowGroups
from cauldron.loader.ranges import Range, fetch
from cauldron.storage import files
from cauldron.storage.index import ShardIndex, index_url, parse, parse_places, places_end

MAX_OPEN_SHARDS = 4096
MAX_REMOTE_INDEXES = 1024
_FIRST_BYTES = 64 << 10
_CALM_AFTER = 16
"""Batches without a block read from disk after which reads are no longer announced."""
_EXACT_CALLS = 4
_SHARE_OF_MEMORY = 0.25
_TOUCHED_BYTES = 32 << 20
_MAPPED_BYTES = 64 << 10
"""What the system maps around a page that is read."""
_LENGTH = struct.Struct("<I")
"""Stands before each picture in its shard."""

Row = dict[str, Any]
"""`id`, `messages`, `extra` and `images` ([{"bytes"}]) of a row, as plain values."""
Place = tuple[str, int]
"""URL of a shard, and a row in it."""


class _Reader(NamedTuple):
    """How rows of one local shard are read, with or without their pictures.

    Args:
        read: returns a row.
        announce: tells the system that a row is about to be read; returns at once.
        maps: of the shard and its index.
    """

    read: Callable[[int, bool], Row]
    announce: Callable[[int, bool], None] = lambda row, pictures: None
    maps: tuple[mmap.mmap, ...] = ()


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
        self._disk = _Disk(sum(sizes.values()))

    def rows(self, places: Sequence[Place], pictures: bool = True) -> list[Row]:
        """Return rows in the order asked for; those of remote shards are fetched together.

        Raises:
            StorageError: if a shard cannot be read or has no such row.
        """
        known = self._near.known
        if not all(url in known for url, _ in places):
            return self._first_rows(places, pictures)
        if self._disk.is_busy(known.values()):
            for url, row in places:
                known[url].announce(row, pictures)
        return [known[url].read(row, pictures) for url, row in places]

    def close(self) -> None:
        """Let go of all files."""
        self._groups.close()
        self._disk.close()
        self._near.clear()
        self._remote.clear()

    def _first_rows(self, places: Sequence[Place], pictures: bool) -> list[Row]:
        """Return rows of any shards, opening what is not open."""
        urls = dict.fromkeys(url for url, _ in places)
        near = {url: self._near.get(url, self._reader) for url in urls if files.is_local(url)}
        for url, row in places:
            if url in near:
                near[url].announce(row, pictures)
        far = [n for n, (url, _) in enumerate(places) if url not in near]
        fetched = dict(zip(far, self._far([places[n] for n in far], pictures), strict=True))
        return [
            fetched[n] if n in fetched else near[url].read(row, pictures)
            for n, (url, row) in enumerate(places)
        ]

    def _reader(self, url: str) -> _Reader:
        """Return what reads rows of a local shard: through its index, or by row groups."""
        reader = _mapped(url) or _Reader(partial(self._groups.row, url))
        self._disk.advise(reader.maps)
        return reader

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


class _Disk:
    """How local files come from the disk.

    The first rows are read exactly, so that they are soon there. Then the system may read far
    around what is asked for if all shards fit well into memory. Those of larger mixtures are read
    exactly to the end: rows are announced for as long as any of them come from the disk. What the
    system holds already is brought into the maps by a thread, page tables being half of the time
    of a first read.
    """

    def __init__(self, shards_bytes: int) -> None:
        memory = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
        self._calls_exact = _EXACT_CALLS if shards_bytes < memory * _SHARE_OF_MEMORY else -1
        self._blocks, self._left = -1, 0
        self._thread = ThreadPoolExecutor(1, "pages")

    def advise(self, maps: Iterable[mmap.mmap]) -> None:
        """Say how maps are read from now on."""
        for mapped in maps:
            mapped.madvise(mmap.MADV_RANDOM if self._calls_exact else mmap.MADV_NORMAL)
            if not self._calls_exact:
                self._thread.submit(_touch, mapped)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def is_busy(self, readers: Iterable[_Reader]) -> bool:
        """Return whether what is read next is to be announced.

        Args:
            readers: all that are open.
        """
        if self._calls_exact > 0:
            self._calls_exact -= 1
            if not self._calls_exact:
                self.advise(mapped for reader in readers for mapped in reader.maps)
        if not self._calls_exact:
            return False
        blocks = resource.getrusage(resource.RUSAGE_SELF).ru_inblock
        if blocks != self._blocks:
            self._blocks, self._left = blocks, _CALM_AFTER
        self._left -= 1
        return self._left > 0


def _touch(mapped: mmap.mmap) -> None:
    """Read a byte of every few pages, until one had to come from the disk."""
    pages = np.frombuffer(mapped, np.uint8)
    before = _own_reads()
    for start in range(0, len(pages), _TOUCHED_BYTES):
        pages[start : start + _TOUCHED_BYTES : _MAPPED_BYTES].max()
        if _own_reads() != before:
            return


def _own_reads() -> int:
    """Return how often this thread waited for the disk to bring a page."""
    who = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    return resource.getrusage(who).ru_majflt


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
        words = _mapped_file(index_url(url))
        index = parse(words, url)
    except (OSError, ValueError, StorageError):
        return None
    if index.shard_bytes != len(shard):
        return None
    _announce(words, 0, index.text_offset)
    return _Reader(_slices(url, shard, index), _announcements(shard, words, index), (shard, words))


def _slices(url: str, shard: mmap.mmap, index: ShardIndex) -> Callable[[int, bool], Row]:
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


def _announcements(
    shard: mmap.mmap, words: mmap.mmap, index: ShardIndex
) -> Callable[[int, bool], None]:
    """Return what announces rows of a map, so that their bytes come from the disk side by side."""

    def announce(row: int, pictures: bool) -> None:
        text = index.text_offset
        _announce(words, text + index.text_start[row], text + index.text_start[row + 1])
        for offset, length in index.ranges(row) if pictures else ():
            _announce(shard, offset - _LENGTH.size, offset + length)

    return announce


def _announce(mapped: mmap.mmap, start: int, end: int) -> None:
    if start < end <= len(mapped):
        first = start - start % mmap.PAGESIZE
        mapped.madvise(mmap.MADV_WILLNEED, first, end - first)


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
