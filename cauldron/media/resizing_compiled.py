"""The passes of `resizing` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_BLOCK = 16  # side of the blocks in which a picture is turned


@numba.njit(nogil=True, cache=True)
def resized(levels, first_x, many_x, shares_x, first_y, many_y, shares_y):
    """Resize rows, then columns, as `resizing._shares` tells."""
    if len(first_x) != levels.shape[1]:
        levels = _turned(_columns(_turned(levels), first_x, many_x, shares_x))
    if len(first_y) != levels.shape[0]:
        levels = _columns(levels, first_y, many_y, shares_y)
    return levels


@numba.njit(nogil=True, cache=True)
def _columns(levels, first, many, shares):
    """Make each new row of some old ones: long loops over neighbours are vector instructions."""
    wide = levels.shape[1]
    out, sums = np.empty((len(first), wide), np.uint8), np.empty(wide, np.int32)
    for y in range(len(first)):
        sums[:] = 1 << 21
        for k in range(many[y]):
            _add(levels[first[y] + k], shares[y, k], sums)
        _cut(sums, out[y])
    return out


@numba.njit(nogil=True, cache=True)
def _add(row, share, sums):
    for x in range(len(sums)):
        sums[x] += np.int32(row[x]) * share


@numba.njit(nogil=True, cache=True)
def _cut(sums, out):
    for x in range(len(sums)):
        out[x] = min(max(sums[x] >> 22, 0), 255)


@numba.njit(nogil=True, cache=True)
def _turned(levels):
    high, wide = levels.shape
    out = np.empty((wide, high), np.uint8)
    for top in range(0, high, _BLOCK):
        for left in range(0, wide, _BLOCK):
            for x in range(left, min(left + _BLOCK, wide)):
                for y in range(top, min(top + _BLOCK, high)):
                    out[x, y] = levels[y, x]
    return out
