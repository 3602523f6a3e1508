"""The order rule: which sample stands at a position, from (seed, plan, position) alone.

Sources are interleaved so that every prefix holds each source within about one draw of its exact
share; inside a source each epoch is a keyed permutation. Any worker of any world size computes its
samples from a position number, so resume is a number and workers change nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cauldron.sample import content_hash

ALGORITHM = "largest-deficit interleave of a fixed period, Feistel permutation per epoch, version 1"
MAX_PERIOD = 1 << 16
_ROUNDS = 4


@dataclass(frozen=True)
class Order:
    """The endless order of a mixture.

    Args:
        seed: the seed of all permutations.
        names: the sources.
        sizes: samples of each source, at least 1.
        draws: whole draws of each source in one period; shares are `draws / sum(draws)`.
    """

    seed: int
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    draws: tuple[int, ...]

    @cached_property
    def period(self) -> npt.NDArray[np.int32]:
        """The source number of each position of a period: [sum(draws)] int32.

        The k-th draw of a source with d draws is due at (k + 0.5) / d of the period; positions go
        to the draws in order of when they are due.
        """
        due = [(np.arange(d) + 0.5) / d for d in self.draws]
        source = np.repeat(np.arange(len(self.draws), dtype=np.int32), self.draws)
        rank = np.lexsort((source, np.concatenate(due)))
        return np.asarray(source[rank], dtype=np.int32)

    @cached_property
    def _earlier(self) -> npt.NDArray[np.int64]:
        """How many draws of its own source stand before each position of a period."""
        earlier = np.empty(len(self.period), dtype=np.int64)
        for number in range(len(self.draws)):
            places = np.flatnonzero(self.period == number)
            earlier[places] = np.arange(len(places))
        return earlier

    def samples_at(
        self, positions: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return source numbers, row numbers inside them and epochs for positions.

        Args:
            positions: [n] whole numbers from 0 on.
        """
        index = np.atleast_1d(np.asarray(positions, dtype=np.int64))
        turn, inside = np.divmod(index, len(self.period))
        source = self.period[inside]
        draws = np.asarray(self.draws, dtype=np.int64)[source]
        count = turn * draws + self._earlier[inside]
        epoch, place = np.divmod(count, np.asarray(self.sizes, dtype=np.int64)[source])
        row = np.empty_like(place)
        for number in np.unique(source):
            for e in np.unique(epoch[source == number]):
                chosen = (source == number) & (epoch == e)
                key = content_hash(self.seed, self.names[number], str(e))
                row[chosen] = permuted(place[chosen], self.sizes[number], key)
        return source, row, epoch


def permuted(places: npt.NDArray[np.int64], n: int, key: int) -> npt.NDArray[np.int64]:
    """Return the images of places under a keyed permutation of 0 .. n - 1.

    A balanced Feistel network over the next even power of two, walked along its cycles until the
    value is inside.
    """
    half = max((max(n - 1, 1).bit_length() + 1) // 2, 1)
    mask = np.uint64((1 << half) - 1)
    digest = hashlib.blake2b(key.to_bytes(8, "big"), digest_size=8 * _ROUNDS).digest()
    keys = np.frombuffer(digest, dtype="<u8")
    out = places.astype(np.uint64)
    walking = np.ones(len(out), dtype=bool)
    while walking.any():
        value = out[walking]
        left, right = value >> np.uint64(half), value & mask
        for k in keys:
            left, right = right, left ^ (_mixed(right ^ k) & mask)
        out[walking] = (left << np.uint64(half)) | right
        walking[walking] = out[walking] >= n
    return out.astype(np.int64)


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix 64 bits (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def whole_draws(shares: list[float], period: int = MAX_PERIOD) -> list[int]:
    """Return whole draws of a period by largest remainder; a share above 0 gets at least one.

    Raises:
        ValueError: if no share is above 0.
    """
    total = sum(shares)
    if total <= 0 or min(shares) < 0:
        raise ValueError("shares must not be negative and one must be above 0")
    exact = [share / total * period for share in shares]
    draws = [max(int(e), 1) if e > 0 else 0 for e in exact]
    order = sorted(range(len(exact)), key=lambda k: (int(exact[k]) - exact[k], k))
    for k in order:
        if sum(draws) >= period:
            break
        if exact[k] > 0:
            draws[k] += 1
    return draws
