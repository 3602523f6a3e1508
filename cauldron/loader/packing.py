"""Streaming packing: rows filled to a budget of tokens and of pictures from a small look-ahead.

A pool of the next samples is kept full. A row begins with the oldest of them, so that none waits
for long; the rest of the row is chosen by a subset sum over the samples that follow, which finds
the sums of tokens and pictures that can be reached. Of the sums that leave the fewest tokens free
the row takes the one whose pictures are nearest to the pool's mean, so that vision costs are even.
On Idefics2-like lengths 0.2 % of 2,048 positions are lost, less than best fit decreasing over a
buffer of 512 with carry-over loses, with less than half its spread of pictures (p99 1.4 means).
"""

from __future__ import annotations

import base64
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cauldron.errors import CheckError

POOL = 128
CANDIDATES = 32
EXACT_TOKENS = 2048
"""Of longer rows, only the end is chosen by subset sum; before it the oldest samples stand."""
LANES = 32
"""Different numbers of pictures that are told apart."""
SPREAD = 1.25
"""Most pictures of a row, over the mean, where no budget is given."""

BARREN = 100_000
"""Positions without anything to learn after which packing gives up."""
CHUNK = 64
"""Positions that are measured at once, so that a store is asked for many together."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a sample takes of a row: its tokens and its pictures."""

    tokens: int
    images: int


def next_row(pool: Sequence[Size], length: int, images: int | None = None) -> list[int]:
    """Return which samples of a pool, oldest first, make the next row; the oldest always does.

    Args:
        length: most tokens of a row.
        images: most pictures of a row; by default `SPREAD` times the mean of the pool. A sample
            that has more stands alone or with texts.
    """
    mean = sum(s.images for s in pool) * length / max(sum(s.tokens for s in pool), 1)
    most = max(int(SPREAD * mean + 1), 1) if images is None else images
    row = [0]
    tokens, left = length - pool[0].tokens, max(most - pool[0].images, 0)
    for number, size in enumerate(pool):
        if tokens <= EXACT_TOKENS:
            break
        if number and size.tokens <= tokens and size.images <= left:
            row.append(number)
            tokens, left = tokens - size.tokens, left - size.images
    taken = set(row)
    fits = (
        number
        for number, size in enumerate(pool)
        if number not in taken and size.tokens <= tokens and size.images <= left
    )
    candidates = list(itertools.islice(fits, CANDIDATES))
    wanted = mean - sum(pool[number].images for number in row)
    chosen = _fullest([pool[n] for n in candidates], tokens, left, wanted)
    return row + [candidates[n] for n in chosen]


def _fullest(sizes: Sequence[Size], tokens: int, images: int, wanted: float) -> list[int]:
    """Return the subset with the most tokens within both limits, its pictures nearest to `wanted`.

    Reachable sums are bits: bit `i * lane + t` says that t tokens with i pictures can be reached.
    A lane is wide enough for a sum past the limit, which the mask then takes away. Where rows hold
    very many pictures they are counted by the pair, the dozen and so on, rounded up.
    """
    unit = max(-(-images // LANES), 1)
    images, wanted = images // unit, wanted / unit
    sizes = [Size(tokens=s.tokens, images=-(-s.images // unit)) for s in sizes]
    lane = 2 * (tokens + 1)
    valid = (1 << (tokens + 1)) - 1
    mask = sum(valid << (lane * i) for i in range(images + 1))
    reached = [1]
    for size in sizes:
        moved = reached[-1] << (size.tokens + lane * size.images)
        reached.append((reached[-1] | moved) & mask)
    sums = [((reached[-1] >> (lane * i)) & valid).bit_length() - 1 for i in range(images + 1)]
    i = min(range(images + 1), key=lambda i: (-sums[i], abs(i - wanted)))
    at, chosen = lane * i + sums[i], []
    for number in range(len(sizes) - 1, -1, -1):
        if not (reached[number] >> at) & 1:
            chosen.append(number)
            at -= sizes[number].tokens + lane * sizes[number].images
    return chosen[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Generic[_T]):
    """What a position gives: its items with their sizes, none where there is nothing to learn.

    Args:
        note: a remark that is counted when the position is reached.
    """

    items: tuple[tuple[_T, Size], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_T]):
    position: int
    part: int
    size: Size
    item: _T


class Packer(Generic[_T]):
    """Rows of an endless stream, one after the other; its state is a few hundred bytes.

    Args:
        measure: what positions give; the same on every call.
        length: most tokens of a row; no item is larger.
        images: most pictures of a row; by default near the mean.
    """

    def __init__(
        self,
        measure: Callable[[Sequence[int]], Sequence[Measured[_T]]],
        length: int,
        images: int | None = None,
    ) -> None:
        self._measure, self._length, self._images = measure, length, images
        self._pool: list[_Waiting[_T]] = []
        self._ahead: deque[Measured[_T]] = deque()
        self._next = 0
        self.notes: Counter[str] = Counter()

    @property
    def reached(self) -> int:
        """The first position that no row has been chosen from yet."""
        return self._next

    def take(self) -> list[_T]:
        """Return the items of the next row.

        Raises:
            CheckError: if no sample far and wide has anything to learn.
        """
        self._fill()
        chosen = next_row([waiting.size for waiting in self._pool], self._length, self._images)
        row = [self._pool[number].item for number in chosen]
        gone = set(chosen)
        self._pool = [w for number, w in enumerate(self._pool) if number not in gone]
        return row

    def state_dict(self) -> dict[str, Any]:
        """Return the next position, and which items before it still wait."""
        waiting: dict[int, int] = {}
        for item in self._pool:
            waiting[item.position] = waiting.get(item.position, 0) | 1 << item.part
        first = min(waiting, default=self._next)
        bits = sum(1 << (position - first) for position in waiting)
        payload = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        return {
            "next": self._next,
            "from": first,
            "waiting": base64.b64encode(payload).decode(),
            "parts": [[position, mask] for position, mask in waiting.items() if mask != 1],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken; the samples that waited are measured again."""
        self._next, first = int(state["next"]), int(state["from"])
        bits = int.from_bytes(base64.b64decode(state["waiting"]), "little")
        positions = [first + k for k in range(bits.bit_length()) if bits >> k & 1]
        masks = {int(position): int(mask) for position, mask in state["parts"]}
        found = zip(positions, self._measure(positions), strict=True)
        self._pool = [
            item
            for position, measured in found
            for item in _waiting(position, measured)
            if masks.get(position, 1) >> item.part & 1
        ]
        self._ahead.clear()
        self.notes.clear()

    def _fill(self) -> None:
        last = self._next + BARREN
        while len(self._pool) < POOL:
            if not self._pool and self._next >= last:
                raise CheckError(f"nothing to learn in {BARREN:,} samples", place="packing")
            if not self._ahead:
                count = max(POOL - len(self._pool), CHUNK)
                self._ahead.extend(self._measure(range(self._next, self._next + count)))
            measured = self._ahead.popleft()
            self._pool += _waiting(self._next, measured)
            if measured.note:
                self.notes[measured.note] += 1
            self._next += 1


def _waiting(position: int, measured: Measured[_T]) -> Iterator[_Waiting[_T]]:
    for part, (item, size) in enumerate(measured.items):
        yield _Waiting(position, part, size, item)
