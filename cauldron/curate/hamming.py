"""Pairs of perceptual hashes within a Hamming distance, by a multi-index search.

Two 64-bit hashes that differ in at most r bits differ in at most r // 4 bits of one of their four
quarters. So quarters are put into buckets, and only buckets with near keys are compared.
From: Norouzi, Punjani and Fleet, Fast search in Hamming space, arXiv:1307.2982.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

_QUARTERS, _BITS = 4, 16
FEW = 12_000  # up to so many hashes all pairs are compared
_ROWS = 512  # hashes compared with all others at a time
_PAIRS = 1 << 22  # pairs compared at a time
CROWD = 4_096  # a bucket with more is cut into runs of near hashes

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


def near_hashes(
    coarse: U64, fine: U64, radius: int, fine_radius: int, few: int = FEW, crowd: int = CROWD
) -> I64:
    """Return pairs (a < b) whose 64-bit and 256-bit hashes both differ in few bits: [m, 2], sorted.

    Args:
        coarse: [n] uint64.
        fine: [n, 4] uint64.
        few: up to so many hashes all pairs are compared.
        crowd: most members of a bucket that one of it is compared with.
    """
    n = len(coarse)
    found = [np.zeros(0, np.int64)]
    pairs = _all(coarse, radius) if n <= few else _by_quarters(coarse, fine, radius, crowd)
    for a, b in pairs:
        near = np.bitwise_count(coarse[a] ^ coarse[b]) <= radius
        a, b = a[near], b[near]
        near = np.bitwise_count(fine[a] ^ fine[b]).sum(axis=1) <= fine_radius
        a, b = a[near], b[near]
        found.append(np.minimum(a, b) * n + np.maximum(a, b))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // max(n, 1), codes % max(n, 1)], axis=1)


def near_hashes_across(
    own: tuple[U64, U64], other: tuple[U64, U64], radius: int, fine_radius: int
) -> I64:
    """Return pairs of a hash of one set and a near one of another: [m, 2], sorted.

    Args:
        own, other: 64-bit hashes, [n] uint64, and 256-bit hashes, [n, 4] uint64, of each set.
    """
    found = [np.zeros((0, 2), np.int64)]
    rows = max(_PAIRS // max(len(other[0]), 1), 1)
    for start in range(0, len(own[0]), rows):
        apart = np.bitwise_count(own[0][start : start + rows, None] ^ other[0][None, :])
        a, b = np.nonzero(apart <= radius)
        near = np.bitwise_count(own[1][a + start] ^ other[1][b]).sum(axis=1) <= fine_radius
        found.append(np.stack([a[near] + start, b[near]], axis=1))
    return np.concatenate(found)


def _all(coarse: U64, radius: int) -> Iterator[tuple[I64, I64]]:
    for start in range(0, len(coarse), _ROWS):
        apart = np.bitwise_count(coarse[start : start + _ROWS, None] ^ coarse[None, start:])
        a, b = np.nonzero(apart <= radius)
        later = b > a
        yield a[later] + start, b[later] + start


def _by_quarters(coarse: U64, fine: U64, radius: int, crowd: int) -> Iterator[tuple[I64, I64]]:
    """Yield candidates: all pairs within the radius are among them, some more than once."""
    for quarter in range(_QUARTERS):
        # one quarter within radius // 4, or another within (radius - 1) // 4, and so on
        within = (radius - quarter) // _QUARTERS
        if within < 0:
            return
        shift = np.uint64(quarter * _BITS)
        keys = ((coarse >> shift) & np.uint64((1 << _BITS) - 1)).astype(np.int64)
        order = np.lexsort((*fine.T, coarse, keys)).astype(np.int64)
        counts = np.bincount(keys, minlength=1 << _BITS)
        starts = np.cumsum(counts) - counts
        for mask in _masks(within):
            for places in _joined(counts, starts, mask, crowd):
                yield order[places[0]], order[places[1]]


def _masks(within: int) -> Iterator[int]:
    for number in range(within + 1):
        for bits in itertools.combinations(range(_BITS), number):
            yield sum(1 << bit for bit in bits)


def _joined(counts: I64, starts: I64, mask: int, crowd: int) -> Iterator[tuple[I64, I64]]:
    """Yield places of pairs in buckets whose keys differ by a mask, each pair of buckets once."""
    keys = np.flatnonzero(counts)
    others = keys ^ mask
    chosen = (counts[others] > 0) & (keys <= others)
    keys, others = keys[chosen], others[chosen]
    first, last, other = _runs(
        starts[keys], counts[keys], starts[others], counts[others], mask == 0, crowd
    )
    sizes = np.maximum(last - other, 0)
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(ends, np.arange(0, int(ends[-1]) if len(ends) else 0, _PAIRS))
    for low, high in itertools.pairwise([*np.unique(cuts).tolist(), len(sizes)]):
        own = sizes[low:high]
        left = np.repeat(first[low:high], own)
        steps = np.arange(int(own.sum())) - np.repeat(np.cumsum(own) - own, own)
        yield left, np.repeat(other[low:high], own) + steps


def _runs(
    starts: I64, counts: I64, other_starts: I64, other_counts: I64, same: bool, crowd: int
) -> tuple[I64, I64, I64]:
    """Return for each member of each bucket the range of others that it is compared with."""
    members = np.repeat(starts, counts) + (
        np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    )
    begin, end = np.repeat(other_starts, counts), np.repeat(other_starts + other_counts, counts)
    if same:
        begin = members + 1
    # in a crowd only the next ones by hash are looked at, so that equal pictures cost little
    return members, np.minimum(end, begin + crowd), begin
