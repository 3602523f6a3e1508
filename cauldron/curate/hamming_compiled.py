"""The comparing of `hamming` inside buckets, compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np
from numba.extending import intrinsic


@intrinsic
def ones_of(typing, bits):
    """Return how many bits of 64 are set, by the instruction that processors have for it."""
    return numba.uint64(numba.uint64), lambda context, builder, made, given: builder.ctpop(given[0])


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
            others = hashes[first : min(end, first + crowd)]
            if not _any_near(hashes[one], others, radius):
                continue
            for two in range(len(others)):
                if ones_of(hashes[one] ^ others[two]) <= radius:
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0], found[n, 1] = one, first + two
                    n += 1
    return found[:n]


@numba.njit(nogil=True, cache=True)
def _any_near(own, others, radius):
    """Say whether any is near; this loop holds nothing else, so several are compared at once."""
    near = 0
    for two in range(len(others)):
        near += ones_of(own ^ others[two]) <= radius
    return near > 0
