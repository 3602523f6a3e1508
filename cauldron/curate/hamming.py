"""Pairs of perceptual hashes within a Hamming distance, by a multi-index search.

Two 64-bit hashes that differ in at most r bits differ in at most r // 4 bits of one of their four
quarters. So quarters are put into buckets, and only buckets with near keys are compared.
From: Norouzi, Punjani and Fleet, Fast search in Hamming space, arXiv:1307.2982.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.compiled import compiled

QUARTERS, _BITS = 4, 16
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
    pairs = all_pairs(coarse, radius) if n <= few else _by_quarters(coarse, fine, radius, crowd)
    for a, b in pairs:
        a, b = are_near(coarse, fine, a, b, radius, fine_radius)
        found.append(a * n + b)
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // max(n, 1), codes % max(n, 1)], axis=1)


def near_hashes_across(
    own: tuple[U64, U64], other: tuple[U64, U64], radius: int, fine_radius: int, most: int = 0
) -> I64:
    """Return pairs of a hash of one set and a near one of another: [m, 2], sorted.

    Args:
        own, other: 64-bit hashes, [n] uint64, and 256-bit hashes, [n, 4] uint64, of each set.
        most: of how many near ones of a hash only the nearest are looked at; 0: all.
    """
    found = [np.zeros((0, 2), np.int64)]
    rows = max(_PAIRS // max(len(other[0]), 1), 1)
    for start in range(0, len(own[0]), rows):
        apart = np.bitwise_count(own[0][start : start + rows, None] ^ other[0][None, :])
        near = apart <= radius
        if most:
            _leave_nearest(near, apart, start, most)
        a, b = np.nonzero(near)
        near = np.bitwise_count(own[1][a + start] ^ other[1][b]).sum(axis=1) <= fine_radius
        found.append(np.stack([a[near] + start, b[near]], axis=1))
    return np.concatenate(found)


def _leave_nearest(
    near: npt.NDArray[np.bool_], apart: npt.NDArray[np.uint8], start: int, most: int
) -> None:
    """Leave in each row the nearest; of equally near ones those behind its own number.

    So all members of a crowd of equal hashes are still joined, each to the next ones.
    """
    n = near.shape[1]
    for row in np.flatnonzero(near.sum(axis=1) > most).tolist():
        places = np.flatnonzero(near[row])
        ranks = apart[row, places] * np.int64(n) + (places - (start + row)) % n
        near[row] = False
        near[row, places[np.argpartition(ranks, most - 1)[:most]]] = True


def all_pairs(coarse: U64, radius: int) -> Iterator[tuple[I64, I64]]:
    """Yield pairs (a < b) whose 64-bit hashes differ in few bits."""
    for start in range(0, len(coarse), _ROWS):
        apart = np.bitwise_count(coarse[start : start + _ROWS, None] ^ coarse[None, start:])
        a, b = np.nonzero(apart <= radius)
        later = b > a
        yield a[later] + start, b[later] + start


def _by_quarters(coarse: U64, fine: U64, radius: int, crowd: int) -> Iterator[tuple[I64, I64]]:
    """Yield candidates: all pairs within the radius are among them, some more than once."""
    for quarter in range(QUARTERS):
        yield from by_quarter(coarse, fine, quarter, radius, crowd)


def within(quarter: int, radius: int) -> int:
    """Return how many bits of a quarter may differ; below 0 it need not be looked at.

    Hashes within the radius have one quarter within radius // 4, or another within
    (radius - 1) // 4, and so on.
    """
    return (radius - quarter) // QUARTERS


def quarter_keys(coarse: U64, quarter: int) -> I64:
    """Return one quarter of each hash."""
    shift = np.uint64(quarter * _BITS)
    return ((coarse >> shift) & np.uint64((1 << _BITS) - 1)).astype(np.int64)


def by_quarter(
    coarse: U64,
    fine: U64,
    quarter: int,
    radius: int,
    crowd: int = CROWD,
    block: tuple[int, int] = (0, 0),
) -> Iterator[tuple[I64, I64]]:
    """Yield candidates of one quarter: all pairs within the radius are among them.

    Args:
        block: a number of leading bits of the quarter, and how keys of a pair differ in them; so
            two blocks of hashes can be compared without the others.
    """
    keys = quarter_keys(coarse, quarter)
    order = np.lexsort((*fine.T, coarse, keys)).astype(np.int64)
    counts = np.bincount(keys, minlength=1 << _BITS)
    starts = np.cumsum(counts) - counts
    bits, apart = block
    masks = (m for m in _masks(within(quarter, radius)) if m >> (_BITS - bits) == apart)
    if compiled := _compiled():
        hashes, taken = coarse[order], np.flatnonzero(counts)
        for mask in masks:
            near = compiled.near_in_buckets(hashes, starts, counts, taken, mask, crowd, radius)
            yield order[near[:, 0]], order[near[:, 1]]
        return
    for mask in masks:
        for places in _joined(counts, starts, mask, crowd):
            yield order[places[0]], order[places[1]]


def _compiled() -> Any:
    """Return the comparing compiled by numba, or None where that cannot be."""
    return compiled("cauldron.curate.hamming_compiled")


def are_near(
    coarse: U64, fine: U64, a: I64, b: I64, radius: int, fine_radius: int
) -> tuple[I64, I64]:
    """Return those of some pairs, the smaller number first, whose hashes differ in few bits."""
    near = np.bitwise_count(coarse[a] ^ coarse[b]) <= radius
    a, b = a[near], b[near]
    near = np.bitwise_count(fine[a] ^ fine[b]).sum(axis=1) <= fine_radius
    return np.minimum(a, b)[near], np.maximum(a, b)[near]


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
