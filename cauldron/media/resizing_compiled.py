"""The passes of `resizing` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_BLOCK = 8  # side of the blocks in which a picture is turned
_BYTES, _PAIRS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_FOURS = np.uint64(0x00000000FFFFFFFF)


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
    """Turn columns to rows, 8 x 8 values at a time: eight of a row are one number."""
    high, wide = levels.shape
    out = np.empty((wide, high), np.uint8)
    tall, broad = high - high % _BLOCK, wide - wide % _BLOCK
    for top in range(0, tall, _BLOCK):
        for left in range(0, broad, _BLOCK):
            a, b = _eight(levels, top, left), _eight(levels, top + 1, left)
            c, d = _eight(levels, top + 2, left), _eight(levels, top + 3, left)
            e, f = _eight(levels, top + 4, left), _eight(levels, top + 5, left)
            g, h = _eight(levels, top + 6, left), _eight(levels, top + 7, left)
            a, b, c, d = *_swapped(a, b, 8, _BYTES), *_swapped(c, d, 8, _BYTES)
            e, f, g, h = *_swapped(e, f, 8, _BYTES), *_swapped(g, h, 8, _BYTES)
            (a, c), (b, d) = _swapped(a, c, 16, _PAIRS), _swapped(b, d, 16, _PAIRS)
            (e, g), (f, h) = _swapped(e, g, 16, _PAIRS), _swapped(f, h, 16, _PAIRS)
            (a, e), (b, f) = _swapped(a, e, 32, _FOURS), _swapped(b, f, 32, _FOURS)
            (c, g), (d, h) = _swapped(c, g, 32, _FOURS), _swapped(d, h, 32, _FOURS)
            _put_eight(out, left, top, a)
            _put_eight(out, left + 1, top, b)
            _put_eight(out, left + 2, top, c)
            _put_eight(out, left + 3, top, d)
            _put_eight(out, left + 4, top, e)
            _put_eight(out, left + 5, top, f)
            _put_eight(out, left + 6, top, g)
            _put_eight(out, left + 7, top, h)
    for y in range(high):
        for x in range(broad if y < tall else 0, wide):
            out[x, y] = levels[y, x]
    return out


@numba.njit(nogil=True, cache=True)
def _eight(levels, y, x):
    """Return eight values of a row, the first one lowest."""
    held = np.uint64(0)
    for k in range(_BLOCK):
        held |= np.uint64(levels[y, np.uint64(x + k)]) << np.uint64(8 * k)
    return held


@numba.njit(nogil=True, cache=True)
def _put_eight(levels, y, x, held):
    for k in range(_BLOCK):
        levels[y, np.uint64(x + k)] = np.uint8(held >> np.uint64(8 * k))


@numba.njit(nogil=True, cache=True)
def _swapped(one, two, bits, mask):
    """Swap the upper parts of one number for the lower parts of another."""
    apart = ((one >> np.uint64(bits)) ^ two) & mask
    return one ^ (apart << np.uint64(bits)), two ^ apart
