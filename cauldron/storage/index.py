"""The index beside a shard: where each picture's bytes stand, and each row's chat as JSON.

Pictures are stored uncompressed and PLAIN, so each is one contiguous byte range of the Parquet
file. With the index a reader slices pictures out of a memory map (or asks a store for ranges) at
the speed of a raw blob; without it the shard is an ordinary Parquet file, and the index can be
made again from it alone.

Layout, little-endian: 8 bytes of magic; rows, pictures, bytes of text, bytes of the shard (u64
each); then the arrays `text_start` u64[rows + 1], `offset` u64[pictures], `first_picture`
u32[rows + 1], `length` u32[pictures]; then the text of all rows. An index whose shard has another
size is one of an earlier shard.
"""

from __future__ import annotations

import itertools
import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cauldron.errors import StorageError
from cauldron.storage.versions import refuse_newer

MAGIC = b"CLDNIDX2"
PICTURES = "images.list.element.bytes"
_HEAD = struct.Struct("<8s4Q")
HEAD_BYTES = _HEAD.size
_DATA_PAGE, _DATA_PAGE_V2 = 0, 3


def index_url(shard: str) -> str:
    """Return where the index of a shard lies: a hidden name, which dataset loaders pass over."""
    folder, slash, name = shard.rpartition("/")
    return f"{folder}{slash}.{name}.index"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardIndex:
    """The index of one shard: views of whole numbers in the buffer that it was read from.

    Args:
        text_start: [rows + 1] where the JSON of each row begins in `text`.
        first_picture: [rows + 1] number of each row's first picture.
        offset: [pictures] byte offsets in the shard.
        length: [pictures] bytes.
        text: JSON `{"id", "messages", "extra"}` of all rows, one behind the other; empty when only
            the places were read.
        text_offset: where the text begins in the index.
        shard_bytes: size of the shard that the index belongs to.
    """

    text_start: memoryview
    first_picture: memoryview
    offset: memoryview
    length: memoryview
    text: memoryview
    text_offset: int
    shard_bytes: int

    @property
    def rows(self) -> int:
        """The rows of the shard."""
        return len(self.text_start) - 1

    def said(self, row: int) -> Any:
        """Return `{"id", "messages", "extra"}` of a row."""
        return orjson.loads(self.text[self.text_start[row] : self.text_start[row + 1]])

    def ranges(self, row: int) -> list[tuple[int, int]]:
        """Return (offset, length) of each picture of a row."""
        pictures = range(self.first_picture[row], self.first_picture[row + 1])
        return [(self.offset[k], self.length[k]) for k in pictures]


def parse(buffer: Any, place: str = "") -> ShardIndex:
    """Return the index that a buffer holds, without copying it.

    Raises:
        StorageError: if it is no index or is cut off.
    """
    view = memoryview(buffer)
    if len(view) != places_end(view, place) + _head(view, place).text:
        raise StorageError("a shard index that is cut off", place=place)
    return parse_places(view, place)


def places_end(buffer: Any, place: str = "") -> int:
    """Return where the places end and the text begins, from the first bytes of an index.

    Raises:
        StorageError: if it is no index.
    """
    head = _head(memoryview(buffer), place)
    return HEAD_BYTES + 12 * (head.rows + 1) + 12 * head.pictures


def parse_places(buffer: Any, place: str = "") -> ShardIndex:
    """Return an index from its beginning, `places_end` bytes; what follows is taken as its text.

    Raises:
        StorageError: if it is no index or is cut off.
    """
    view = memoryview(buffer)
    head, end = _head(view, place), places_end(view, place)
    if len(view) < end:
        raise StorageError("a shard index that is cut off", place=place)
    rows = head.rows + 1
    sizes = (8 * rows, 8 * head.pictures, 4 * rows, 4 * head.pictures)
    ends = list(itertools.accumulate(sizes, initial=HEAD_BYTES))
    arrays = [view[first:last] for first, last in itertools.pairwise(ends)]
    return ShardIndex(
        text_start=arrays[0].cast("Q"),
        offset=arrays[1].cast("Q"),
        first_picture=arrays[2].cast("I"),
        length=arrays[3].cast("I"),
        text=view[end:],
        text_offset=end,
        shard_bytes=head.shard,
    )


class _Head(NamedTuple):
    """How much an index holds: see the layout."""

    magic: bytes
    rows: int
    pictures: int
    text: int
    shard: int


def _head(view: memoryview, place: str) -> _Head:
    magic = bytes(view[:8])
    if magic[:-1] == MAGIC[:-1] and magic[-1:].isdigit():
        refuse_newer("a shard index of", magic[-1:].decode(), int(MAGIC[-1:]), place)
    if len(view) < HEAD_BYTES or magic != MAGIC:
        raise StorageError("not a shard index", place=place)
    return _Head(*_HEAD.unpack_from(view))


def build_index(path: Path) -> bytes:
    """Return the index of a local shard.

    Raises:
        StorageError: if its pictures are compressed, in a dictionary, or missing from rows.
    """
    with path.open("rb") as file, pq.ParquetFile(path) as parquet:
        counts = _pictures_of_rows(parquet)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            spans = np.array(list(_spans(view, parquet.metadata, str(path))), dtype=np.int64)
        spans = spans.reshape(-1, 2)
        texts = list(_texts(parquet))
    if len(spans) != counts.sum():
        raise StorageError("rows have pictures without bytes", place=str(path))
    head = _Head(MAGIC, len(texts), len(spans), sum(map(len, texts)), path.stat().st_size)
    starts = np.concatenate([[0], np.cumsum([len(t) for t in texts], dtype=np.int64)])
    first = np.concatenate([[0], np.cumsum(counts)])
    return b"".join(
        [
            _HEAD.pack(*head),
            starts.astype("<u8").tobytes(),
            spans[:, 0].astype("<u8").tobytes(),
            first.astype("<u4").tobytes(),
            spans[:, 1].astype("<u4").tobytes(),
            *texts,
        ]
    )


@dataclass(frozen=True, slots=True)
class PictureViews(Sequence[memoryview]):
    """Pictures as views of the file that they lie in.

    Args:
        held: the file.
        starts, sizes: [n] where each picture lies.
    """

    held: memoryview
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> memoryview: ...
    @overload
    def __getitem__(self, place: slice) -> PictureViews: ...
    def __getitem__(self, place: int | slice) -> memoryview | PictureViews:
        if isinstance(place, slice):
            return PictureViews(self.held, self.starts[place], self.sizes[place])
        start = int(self.starts[place])
        return self.held[start : start + int(self.sizes[place])]


def picture_views(path: Path) -> tuple[npt.NDArray[np.int64], PictureViews] | None:
    """Return how many pictures each row of a local shard has, and all pictures as views of it.

    Of the file only those pages are read that are looked into. None where pictures are compressed,
    in a dictionary, or missing from rows.
    """
    with path.open("rb") as file, pq.ParquetFile(path) as parquet:
        counts = _pictures_of_rows(parquet)
        if not counts.sum():
            none = counts[:0]
            return counts, PictureViews(memoryview(b""), none, none)
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            spans = list(_spans(view, parquet.metadata, str(path)))
        except StorageError:
            return None
    if len(spans) != counts.sum():
        return None
    starts, sizes = np.array(spans, np.int64).T
    return counts, PictureViews(memoryview(view), starts, sizes)


def _pictures_of_rows(parquet: pq.ParquetFile) -> npt.NDArray[np.int64]:
    lists = parquet.read(columns=["images.list.element.path"])["images"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), dtype=np.int64)


def _texts(parquet: pq.ParquetFile) -> Iterator[bytes]:
    for batch in parquet.iter_batches(columns=["id", "messages", "extra"]):
        for row in pa.Table.from_batches([batch]).to_pylist():
            yield orjson.dumps(row)


def _spans(view: mmap.mmap, metadata: pq.FileMetaData, place: str) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of every picture by walking the pages of its column."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(k) for k in range(group.num_columns)]
        column = next((c for c in columns if c.path_in_schema == PICTURES), None)
        if column is None or column.compression != "UNCOMPRESSED" or column.has_dictionary_page:
            raise StorageError("pictures are not stored uncompressed and PLAIN", place=place)
        position = column.data_page_offset
        seen = 0
        while seen < column.num_values:
            header, start = _Thrift(view, position).struct()
            position = start + header[3]
            values, levels = _page(header, view, start)
            seen += values
            yield from _values(view, start + levels, position)


def _page(header: dict[int, Any], view: mmap.mmap, start: int) -> tuple[int, int]:
    """Return the values of a data page and the bytes of its repetition and definition levels."""
    if header[1] == _DATA_PAGE:
        levels = 0
        for _ in range(2):
            levels += 4 + int.from_bytes(view[start + levels : start + levels + 4], "little")
        return header[5][1], levels
    if header[1] == _DATA_PAGE_V2:
        return header[8][1], header[8][5] + header[8][6]
    raise StorageError(f"unexpected page type {header[1]}")


def _values(view: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        length = int.from_bytes(view[start : start + 4], "little")
        yield start + 4, length
        start += 4 + length


class _Thrift:
    """A reader of structs in Thrift's compact protocol, as far as page headers need it."""

    def __init__(self, view: mmap.mmap, position: int) -> None:
        self._view, self._at = view, position

    def struct(self) -> tuple[dict[int, Any], int]:
        """Return the fields by number, and where the struct ends."""
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            step = kind >> 4
            number = number + step if step else self._zigzag()
            fields[number] = self._value(kind & 15)
        return fields, self._at

    def _byte(self) -> int:
        self._at += 1
        return self._view[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind in (5, 6):
            return self._zigzag()
        if kind == 8:
            length = self._varint()
            self._at += length
            return None
        if kind == 12:
            return self.struct()[0]
        raise StorageError(f"unexpected field type {kind} in a page header")
