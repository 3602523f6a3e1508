"""The comparing of `hamming` inside buckets, compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def near_in_buckets(hashes, starts, counts, keys, mask, crowd, radius):
    """Return pairs of places of hashes within a radius, of buckets whose keys differ by a mask.

    Args:
        hashes: [n] uint64, bucket by bucket.
        starts, counts: of each bucket.
        keys: of buckets that are not empty.
        crowd: most members of a bucket that one is compared with.
    """
    found, n = np.empty((256, 2), np.int64), 0
    for key in keys:
        other = key ^ mask
        if other < key or counts[other] == 0:
            continue
        end = starts[other] + counts[other]
        for one in range(starts[key], starts[key] + counts[key]):
            first = one + 1 if mask == 0 else starts[other]
            for two in range(first, min(end, first + crowd)):
                if ones_of(hashes[one] ^ hashes[two]) <= radius:
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0], found[n, 1] = one, two
                    n += 1
    return found[:n]


@numba.njit(nogil=True, cache=True)
def ones_of(bits):
    """Return how many bits of 64 are set."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    pairs = np.uint64(0x3333333333333333)
    bits = (bits & pairs) + ((bits >> np.uint64(2)) & pairs)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))
