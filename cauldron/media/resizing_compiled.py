"""The passes of `resizing` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_BLOCK = 16  # side of the blocks in which a picture is turned


@numba.njit(nogil=True, cache=True)
def resized(levels, first_x, many_x, shares_x, first_y, many_y, shares_y, rows_first):
    """Resize along rows and along columns, as `resizing._shares` tells."""
    for step in range(2):
        if (step == 0) == rows_first:
            if len(first_x) != levels.shape[1]:
                levels = _turned(_columns(_turned(levels), first_x, many_x, shares_x))
        elif len(first_y) != levels.shape[0]:
            levels = _columns(levels, first_y, many_y, shares_y)
    return levels


@numba.njit(nogil=True, cache=True)
def squared(levels, side, bits):
    """Return a picture at a side along both axes, as Pillow makes it without a reducing gap."""
    high, wide = levels.shape
    first_x, many_x, shares_x = shares(wide, side, bits)
    first_y, many_y, shares_y = shares(high, side, bits)
    rows_first = high <= side or high + side <= 2 * wide
    return resized(levels, first_x, many_x, shares_x, first_y, many_y, shares_y, rows_first)


@numba.njit(nogil=True, cache=True)
def shares(old, new, bits):
    """Return what each of `new` values is made of, as `resizing._shares` does."""
    scale = old / new
    support = max(scale, 1.0)
    first, many = np.zeros(new, np.int64), np.zeros(new, np.int64)
    out = np.zeros((new, 2 * int(np.ceil(support)) + 1), np.int32)
    weights = np.zeros(out.shape[1])
    for place in range(new):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), old)
        total = 0.0
        for k in range(low, high):
            weights[k - low] = max(1.0 - abs((k - centre + 0.5) * (1.0 / support)), 0.0)
            total += weights[k - low]
        first[place], many[place] = low, high - low
        for k in range(high - low):
            out[place, k] = int(0.5 + weights[k] / total * (1 << bits))
    return first, many, out


@numba.njit(nogil=True, cache=True)
def _columns(levels, first, many, shares):
    """Make each new row of some old ones: long loops over neighbours are vector instructions.

    Parts of arrays would be counted by whoever holds them, which costs more than a row.
    """
    wide = levels.shape[1]
    out, sums = np.empty((len(first), wide), np.uint8), np.empty(wide, np.int32)
    for y in range(len(first)):
        for x in range(wide):
            sums[x] = 1 << 21
        for k in range(many[y]):
            row, share = first[y] + k, shares[y, k]
            for x in range(wide):
                sums[x] += np.int32(levels[row, x]) * share
        for x in range(wide):
            out[y, x] = min(max(sums[x] >> 22, 0), 255)
    return out


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
