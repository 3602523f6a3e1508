"""Candidate pairs to verdicts: what is compared meets in cells, each thing once a cell.

Pairs are cut into a square of cells by a hash of either side. A sketch, text or picture is read
where it lies and sent to the cells that ask for it: to at most two sides of the square, however
many pairs it is in. A cell holds so few that its job can compare them in memory.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.curate.details import detail
from cauldron.curate.layout import PICTURE_BITS, Group, Layout, Result, Stages, column, row_of
from cauldron.curate.parts import PartFiles
from cauldron.curate.pictures import DECODED_SIDE, picture_bytes
from cauldron.media.images import ImageError
from cauldron.media.small import small_grey
from cauldron.signals.measure import spoken_text
from cauldron.signals.thumbs import LOOK_BYTES
from cauldron.storage.cores import spare_cores
from cauldron.storage.shards import open_parquet, read_table
from cauldron.storage.shuffle import gather, gathered, scatter, scattering

_PAIRS = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("drawn", pa.bool_())])
_ASKED = pa.schema([("number", pa.int64()), ("cell", pa.int32())])
_HELD = pa.schema([("number", pa.int64()), ("held", pa.large_binary())])
_AT_ONCE = 1_024  # things read at a time
_CHUNK_BYTES = 32 << 20
_CELL_BYTES = 512 << 20
_MOST_SIDE = 64
_MIX = np.uint64(0x9E3779B97F4A7C15)

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Fetch = Callable[[PartFiles, I64, I64], Iterator[pa.Array]]
"""Part, ascending rows and numbers of pictures to what is compared, in slices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is compared.

    Args:
        fetch: reads it.
        row_bytes: what it takes, about; the side of the square follows from it.
        at_once: pairs of one job.
        shift: bits of the number of a picture behind the node; 0: samples are compared.
    """

    fetch: Fetch
    row_bytes: int
    at_once: int
    shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Pairs, and what they are told by.

    Args:
        a, b: [n] numbers; drawn: [n] as the stage before has said.
        left, right: [n] places of both sides in `held`.
    """

    a: I64
    b: I64
    drawn: Bools
    left: I64
    right: I64
    held: pa.LargeBinaryArray

    def blocks(self, size: int) -> Iterator[Cell]:
        """Yield some pairs at a time."""
        for start in range(0, len(self.a), size):
            own = slice(start, start + size)
            yield Cell(
                a=self.a[own],
                b=self.b[own],
                drawn=self.drawn[own],
                left=self.left[own],
                right=self.right[own],
                held=self.held,
            )


def put_pairs(
    layout: Layout, stage: str, number: int, chunks: Iterable[tuple[I64, I64, Bools | None]]
) -> Result:
    """Write candidate pairs (a < b); return how many, and of how many numbers at most."""
    pairs = numbers = 0
    with scattering(layout.url(stage, number), _PAIRS, 1) as add:
        for a, b, drawn in chunks:
            told = np.zeros(len(a), bool) if drawn is None else drawn
            add(pa.table({"a": a, "b": b, "drawn": told}), None)
            pairs += len(a)
            numbers += len(np.unique(np.concatenate([a, b])))
    return {"pairs": pairs, "numbers": numbers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Pairs of a stage in a square of cells, each with what it is told by.

    Args:
        jobs: of the stage that wrote the pairs.
        pairs: how many, at most.
        side: of the square.
    """

    layout: Layout
    kind: Kind
    stage: str
    jobs: int
    pairs: int
    side: int

    @property
    def shares(self) -> list[tuple[int, int, int]]:
        """Return jobs that judge: cell, number of the slice of its pairs, how many slices."""
        cells = self.side**2
        slices = max(-(-self.pairs // (cells * self.kind.at_once)), 1)
        return [(cell, number, slices) for cell in range(cells) for number in range(slices)]

    def cell(self, share: tuple[int, int, int]) -> Cell:
        """Return a slice of one cell: its pairs in order, each once."""
        (number, piece, pieces), layout, cells = share, self.layout, self.side**2
        pairs = gathered(layout.urls(f"{self.stage}-cells", self.jobs), number, cells, _PAIRS)
        a, b, drawn = (np.asarray(column(pairs, name)) for name in _PAIRS.names)
        order = np.lexsort((b, a))
        new = np.ones(len(order), bool)
        new[1:] = np.diff(a[order]).astype(bool) | np.diff(b[order]).astype(bool)
        own = np.array_split(order[new], pieces)[piece]
        held = self._held(number, np.unique(np.concatenate([a[own], b[own]])))
        numbers = np.asarray(column(held, "number"))
        return Cell(
            a=a[own],
            b=b[own],
            drawn=drawn[own].astype(bool),
            left=np.searchsorted(numbers, a[own]),
            right=np.searchsorted(numbers, b[own]),
            held=held["held"].combine_chunks(),
        )

    def _held(self, number: int, wanted: I64) -> pa.Table:
        """Return what a cell was sent of the numbers that are wanted; nothing else is held."""
        urls = self.layout.urls(f"{self.stage}-held", self.layout.groups)
        tables = [pa.Table.from_batches([], _HELD)]
        for batch in gather(urls, number, self.side**2):
            numbers = np.asarray(column(batch, "number"))
            at = np.minimum(np.searchsorted(wanted, numbers), max(len(wanted) - 1, 0))
            if len(wanted):
                own = pa.array(np.flatnonzero(wanted[at] == numbers))
                tables.append(pa.Table.from_batches([batch]).take(own))
        return pa.concat_tables(tables)


def meet(
    groups: list[Group], kind: Kind, stage: str, told: Sequence[Result], run: Stages
) -> Meeting:
    """Let the pairs of a stage meet what they are told by.

    Args:
        told: what its jobs have returned.
    """
    layout = groups[0].layout
    pairs, numbers = (sum(result[name] for result in told) for name in ("pairs", "numbers"))
    side = min(max(-(-2 * numbers * kind.row_bytes // _CELL_BYTES), 1), _MOST_SIDE)
    meeting = Meeting(layout=layout, kind=kind, stage=stage, jobs=len(told), pairs=pairs, side=side)
    run(f"{stage}-cells", _cut, [(meeting, number) for number in range(len(told))])
    run(f"{stage}-held", _attach, [(meeting, group) for group in groups])
    return meeting


def _cut(meeting: Meeting, number: int) -> Result:
    """Send pairs to their cells, and ask for what they are told by."""
    layout, side, stage = meeting.layout, meeting.side, meeting.stage
    with (
        scattering(layout.url(f"{stage}-cells", number), _PAIRS, side * side) as add,
        scattering(layout.url(f"{stage}-asked", number), _ASKED, layout.groups) as ask,
    ):
        for batch in gather([layout.url(stage, number)], 0, 1):
            a, b = np.asarray(column(batch, "a")), np.asarray(column(batch, "b"))
            cell = _hash(a, side) * side + _hash(b, side)
            add(pa.Table.from_batches([batch]), cell)
            wanted, cells = _distinct(np.concatenate([a, b]), np.tile(cell, 2))
            groups = layout.group_of(wanted >> meeting.kind.shift)
            ask(pa.table({"number": wanted, "cell": cells}), groups)
    return {}


def _hash(numbers: I64, side: int) -> I64:
    mixed = numbers.astype(np.uint64) * _MIX >> np.uint64(40)
    return (mixed % np.uint64(side)).astype(np.int64)


def _distinct(first: I64, second: I64) -> tuple[I64, I64]:
    """Return pairs of numbers in order, each once."""
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    new = np.ones(len(first), bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return first[new], second[new]


def _attach(meeting: Meeting, group: Group) -> Result:
    """Read what cells have asked for, and send it to them."""
    layout, stage = meeting.layout, meeting.stage
    urls = layout.urls(f"{stage}-asked", meeting.jobs)
    asked = gathered(urls, group.number, layout.groups, _ASKED)
    numbers, to = _distinct(column(asked, "number"), column(asked, "cell").astype(np.int64))
    answers = _answers(group, meeting.kind, numbers, to)
    url = layout.url(f"{stage}-held", group.number)
    return {"rows": scatter(url, _HELD, answers, meeting.side**2)}


def _answers(group: Group, kind: Kind, numbers: I64, to: I64) -> Iterator[tuple[pa.Table, I64]]:
    for part, low, high in group.named(numbers, kind.shift):
        own, inverse = np.unique(numbers[low:high], return_inverse=True)
        index = own & ((1 << kind.shift) - 1)
        done = 0
        for held in kind.fetch(part, row_of(own >> kind.shift), index):
            start, end = np.searchsorted(inverse, (done, done + len(held)))
            places = inverse[start:end] - done
            sizes = np.diff(np.frombuffer(held.buffers()[1], np.int64)[: len(held) + 1])
            for first, last in _runs(sizes[places]):
                table = pa.table(
                    {
                        "number": own[done + places[first:last]],
                        "held": held.take(pa.array(places[first:last])),
                    }
                )
                yield table, to[low + start + first : low + start + last]
            done += len(held)


def _runs(sizes: I64) -> Iterator[tuple[int, int]]:
    """Cut things into runs of a few bytes in all."""
    steps = np.cumsum(sizes) // _CHUNK_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(sizes)]
    return itertools.pairwise(cuts)


def values_of(held: pa.LargeBinaryArray) -> npt.NDArray[np.uint8]:
    """Return the bytes of all values, one behind the other."""
    if not len(held):
        return np.zeros(0, np.uint8)
    ends = np.frombuffer(held.buffers()[1], np.int64)[held.offset : held.offset + len(held) + 1]
    return np.frombuffer(held.buffers()[2], np.uint8)[ends[0] : ends[-1]]


def _sketches(part: PartFiles, rows: I64, index: I64) -> Iterator[pa.Array]:
    values = read_table(part.signals, ["minhash"])["minhash"]
    yield values.take(pa.array(rows)).combine_chunks().cast(pa.large_binary())


def _texts(part: PartFiles, rows: I64, index: I64) -> Iterator[pa.Array]:
    """Yield texts, a row group at a time."""
    first = 0
    with open_parquet(part.samples) as file:
        for number in range(file.num_row_groups):
            last = first + file.metadata.row_group(number).num_rows
            own = rows[slice(*np.searchsorted(rows, (first, last)))] - first
            if len(own):
                told = file.read_row_group(number, ["messages"])["messages"].take(pa.array(own))
                texts = [spoken_text(messages) for messages in told.to_pylist()]
                yield pa.array(texts, pa.large_string()).cast(pa.large_binary())
            first = last


def _looks(part: PartFiles, rows: I64, index: I64) -> Iterator[pa.Array]:
    looks = read_table(part.signals, ["image_thumb"])["image_thumb"].combine_chunks()
    at = looks.offsets.to_numpy()[rows] + index
    for start in range(0, len(at), _AT_ONCE):
        yield looks.values.take(pa.array(at[start : start + _AT_ONCE])).cast(pa.large_binary())


def _details(part: PartFiles, rows: I64, index: I64) -> Iterator[pa.Array]:
    """Yield details behind the two bytes of their height; nothing for a damaged picture."""
    data = picture_bytes(part.samples, rows, index)
    with ThreadPoolExecutor(spare_cores()) as pool:
        while some := list(pool.map(_detail, itertools.islice(data, _AT_ONCE))):
            yield pa.array(some, pa.large_binary())


def _detail(data: bytes | memoryview) -> bytes:
    data = bytes(data)
    with contextlib.suppress(ImageError):
        made = detail(small_grey(data, DECODED_SIDE))
        return len(made).to_bytes(2, "big") + made.tobytes()
    return b""


def detail_of(held: Any) -> npt.NDArray[np.uint8] | None:
    """Return the detail that `DETAILS` holds, None for a damaged picture."""
    data = held.as_py()
    if not data:
        return None
    return np.frombuffer(data, np.uint8, offset=2).reshape(int.from_bytes(data[:2], "big"), -1)


SKETCHES = Kind(fetch=_sketches, row_bytes=512, at_once=1 << 20)
TEXTS = Kind(fetch=_texts, row_bytes=2_048, at_once=1 << 15)
LOOKS = Kind(fetch=_looks, row_bytes=LOOK_BYTES, at_once=1 << 15, shift=PICTURE_BITS)
DETAILS = Kind(fetch=_details, row_bytes=32_768, at_once=2_048, shift=PICTURE_BITS)
