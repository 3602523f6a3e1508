"""The order rule: which sample stands at a position, from (seed, shares, position) alone.

Sources are interleaved so that at every position each has been drawn within one draw of its exact
share (Tijdeman, The chairman assignment problem, 1980): the k-th draw of a source with share s may
stand at positions floor(k / s) to ceil((k + 1) / s) - 1, and each position goes to the draw that
must come soonest. Positions are scheduled a block at a time, from whole draws of each source before
it; sources with fewer than two draws a block are counted there as one source together, so that no
other has to make up for them. Where two blocks meet, about one in a hundred has positions at which
a source is up to two draws away, since the blocks do not know of each other. Inside a source each
epoch is a keyed permutation. Any worker of any world size computes its samples from a position
number, so resume is a number and workers change nothing.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.errors import RecipeError, near
from cauldron.sample import content_hash

ALGORITHM = "earliest-deadline interleave of exact shares, Feistel permutation per epoch, version 3"
APART = ALGORITHM.replace("version 3", "version 2")
"""The rule before: sources with fewer than two draws a block were rounded down each for itself."""
MIN_BLOCK, MAX_BLOCK = 1 << 12, 1 << 20
_KEPT_BLOCKS = 4
_ROUNDS = 4
_SOURCE_BITS = 16

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stretch of positions with one set of shares.

    Args:
        shares: of draws, one a source, with sum 1; 0 leaves a source out.
        samples: positions in the stage; None for the last one, which has no end.
    """

    shares: tuple[float, ...]
    samples: int | None = None


@dataclass(frozen=True)
class Order:
    """The order of a mixture, without end.

    Args:
        seed: the seed of all permutations.
        names: the sources.
        sizes: samples of each source, at least 1.
        stages: what is drawn, one stage after the other; epochs go on from stage to stage.
        algorithm: `ALGORITHM`, or an earlier one that is still known.
    """

    seed: int
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    stages: tuple[Stage, ...]
    algorithm: str = ALGORITHM
    _blocks: OrderedDict[tuple[int, int], tuple[npt.NDArray[np.int32], Counts]] = field(
        default_factory=OrderedDict, compare=False, repr=False
    )

    def samples_at(
        self, positions: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return source numbers, row numbers inside them and epochs for positions.

        Args:
            positions: [n] whole numbers from 0 on.
        """
        index = np.atleast_1d(np.asarray(positions, dtype=np.int64))
        source = np.empty(len(index), dtype=np.int32)
        draw = np.empty(len(index), dtype=np.int64)
        start, before = 0, np.zeros(len(self.sizes), dtype=np.int64)
        for number, stage in enumerate(self.stages):
            end = np.iinfo(np.int64).max if stage.samples is None else start + stage.samples
            here = np.flatnonzero((index >= start) & (index < end))
            size = block_size(stage.shares)
            for block in _distinct((index[here] - start) // size):
                chosen = here[(index[here] - start) // size == block]
                inside = index[chosen] - start - block * size
                sources, draws = self._block(number, block, int(inside.max()) + 1)
                source[chosen] = sources[inside]
                draw[chosen] = before[source[chosen]] + draws[inside]
            if stage.samples is not None:
                before = before + self.drawn(number, stage.samples)
                start = end
        return source, *self._rows(source, draw)

    def drawn(self, stage: int, samples: int) -> Counts:
        """Return how often each source is drawn in the first samples of a stage: [sources]."""
        size = block_size(self.stages[stage].shares)
        block, rest = divmod(samples, size)
        counts = quotas(self.stages[stage].shares, block * size, size, self._together)
        if rest:
            sources, _ = self._block(stage, block, rest)
            counts = counts + np.bincount(sources[:rest], minlength=len(counts))
        return counts

    def reweighed(self, position: int, weights: Mapping[str, float]) -> Order:
        """Return this order with other shares of draws from a position to the end of its stage.

        What was drawn before stays drawn: epochs go on.

        Raises:
            RecipeError: if a weight names no source, is negative, or all are 0.
        """
        for name, weight in weights.items():
            if name not in self.names:
                raise RecipeError(f"weight for unknown source '{name}'{near(name, self.names)}")
            if not weight >= 0:
                raise RecipeError(f"the weight of '{name}' is {weight:g}")
        total = sum(weights.values())
        if not total > 0:
            raise RecipeError("all weights are 0")
        shares = tuple(weights.get(name, 0.0) / total for name in self.names)
        start, number = 0, 0
        while (size := self.stages[number].samples) is not None and start + size <= position:
            start, number = start + size, number + 1
        old = self.stages[number]
        left = None if old.samples is None else old.samples - (position - start)
        before = [replace(old, samples=position - start)] if position > start else []
        changed = [*before, Stage(shares=shares, samples=left)]
        stages = (*self.stages[:number], *changed, *self.stages[number + 1 :])
        return Order(self.seed, self.names, self.sizes, stages, self.algorithm)

    @property
    def _together(self) -> bool:
        return self.algorithm != APART

    def _block(self, stage: int, block: int, wanted: int) -> tuple[npt.NDArray[np.int32], Counts]:
        """Return source and number of its draw for the first positions of a block of a stage.

        Args:
            wanted: number of them; a start makes no more, the next call the whole block.
        """
        key, shares = (stage, block), self.stages[stage].shares
        if key not in self._blocks:
            self._blocks[key] = schedule(shares, block, wanted, self._together)
        elif len(self._blocks[key][0]) < wanted:
            self._blocks[key] = schedule(shares, block, together=self._together)
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        self._blocks.move_to_end(key)
        return self._blocks[key]

    def _rows(
        self, source: npt.NDArray[np.int32], draw: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        epoch, place = np.divmod(draw, np.asarray(self.sizes, dtype=np.int64)[source])
        row = np.empty_like(place)
        for number in _distinct(source):
            for turn in _distinct(epoch[source == number]):
                chosen = (source == number) & (epoch == turn)
                key = content_hash(self.seed, self.names[number], str(turn))
                row[chosen] = permuted(place[chosen], self.sizes[number], key)
        return row, epoch


def block_size(shares: Sequence[float]) -> int:
    """Return the positions that are scheduled at once: two draws of the smallest share fit."""
    smallest = min(share for share in shares if share > 0)
    size = MIN_BLOCK
    while size < MAX_BLOCK and smallest * size < 2:
        size *= 2
    return size


def quotas(shares: Sequence[float], positions: int, block: int, together: bool = True) -> Counts:
    """Return whole draws of each source before a position that is a multiple of the block.

    They are within one of `share * positions`, their sum is `positions`, and no quota ever falls.

    Args:
        together: count sources with less than two draws a block as one; else round each down.
    """
    share = np.asarray(shares, dtype=np.float64)
    counts = np.floor(share * positions).astype(np.int64)
    rest = np.where(share * block < 2, -1.0, share * positions - counts)
    rare = np.flatnonzero((share > 0) & (rest < 0))
    if together and len(rare) > 1:
        counts[rare] = _rare_draws(share[rare].tolist(), positions, block)
    missing = positions - int(counts.sum())
    if missing:
        order = np.lexsort((np.arange(len(counts)), -rest))
        for place in range(missing):
            counts[order[place % max(int((rest >= 0).sum()), 1)]] += 1
    return counts


def _rare_draws(shares: list[float], positions: int, block: int) -> list[int]:
    """Return draws of sources with less than two a block, before a block begins.

    Together they are drawn as one source would be, each time the one that must come soonest.
    """
    counts = [0] * len(shares)
    total = sum(shares)
    for draw in range(int(total * positions)):
        end = block * math.ceil((draw + 1) / (total * block))
        may = [n for n, share in enumerate(shares) if counts[n] < share * end]
        counts[min(may, key=lambda n: (counts[n] + 1) / shares[n])] += 1
    return counts


def schedule(
    shares: Sequence[float], block: int, most: int = MAX_BLOCK, together: bool = True
) -> tuple[npt.NDArray[np.int32], Counts]:
    """Return source and number of its draw for the first positions of a block of a stage.

    Args:
        most: positions, if the block has as many.
        together: see `quotas`.
    """
    size = block_size(shares)
    most = min(most, size)
    start = block * size
    first, end = (quotas(shares, at, size, together) for at in (start, start + size))
    release, due, source = [], [], []
    for number, share in enumerate(shares):
        draws = np.arange(first[number], end[number])
        release.append(np.floor(draws / share))
        due.append(np.minimum(np.ceil((draws + 1) / share), start + size))
        source.append(np.full(len(draws), number))
    whole = [np.concatenate(part).astype(np.int64) for part in (release, due, source)]
    soon = whole[0] < start + most
    if soon.sum() >= most:  # no other draw can come into question
        whole = [part[soon] for part in whole]
    order = np.lexsort((whole[2], whole[1], whole[0]))
    released = np.clip(whole[0][order] - start, 0, size - 1).tolist()
    keys = ((whole[1][order] << _SOURCE_BITS) | whole[2][order]).tolist()
    picked = np.asarray(_soonest_first(released, keys, most), dtype=np.int64)
    sources = (picked & ((1 << _SOURCE_BITS) - 1)).astype(np.int32)
    draws = np.empty(most, dtype=np.int64)
    for number in _distinct(sources):
        places = np.flatnonzero(sources == number)
        draws[places] = first[number] + np.arange(len(places))
    return sources, draws


def _soonest_first(released: list[int], keys: list[int], positions: int) -> list[int]:
    """Give each position to the released draw with the smallest key."""
    waiting: list[int] = []
    picked = []
    coming = 0
    for position in range(positions):
        while coming < len(keys) and (released[coming] <= position or not waiting):
            heapq.heappush(waiting, keys[coming])
            coming += 1
        picked.append(heapq.heappop(waiting))
    return picked


def _distinct(values: npt.NDArray[Any]) -> list[int]:
    """Return the values that occur, sorted; `np.unique` would import masked arrays at first."""
    return sorted(set(values.tolist()))


def permuted(places: npt.NDArray[np.int64], n: int, key: int) -> npt.NDArray[np.int64]:
    """Return the images of places under a keyed permutation of 0 .. n - 1.

    A balanced Feistel network over the next even power of two, walked along its cycles until the
    value is inside.
    """
    half = max((max(n - 1, 1).bit_length() + 1) // 2, 1)
    mask = np.uint64((1 << half) - 1)
    digest = hashlib.blake2b(key.to_bytes(8, "big"), digest_size=8 * _ROUNDS).digest()
    rounds = [_round(k, half, mask, len(places)) for k in np.frombuffer(digest, dtype="<u8")]
    out = places.astype(np.uint64)
    walking = np.arange(len(out))
    while len(walking):
        value = out[walking]
        left, right = value >> np.uint64(half), value & mask
        for mix in rounds:
            left, right = right, left ^ mix(right)
        value = (left << np.uint64(half)) | right
        out[walking] = value
        walking = walking[value >= n]
    return out.astype(np.int64)


def _round(
    key: np.uint64, half: int, mask: np.uint64, wanted: int
) -> Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint64]]:
    """Return the function of a round; many values are looked up in a table of all of them."""
    if 1 << half > 2 * wanted:
        return lambda value: _mixed(value ^ key) & mask
    table = _mixed(np.arange(1 << half, dtype=np.uint64) ^ key) & mask
    return table.__getitem__


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix 64 bits (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
