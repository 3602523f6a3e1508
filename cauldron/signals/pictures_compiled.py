"""The reduction of `pictures` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 0x8000  # shares of grey, of 2 ** 16, as Pillow's


@numba.njit(nogil=True, cache=True)
def grey_means(pixels, factor):
    """Return means of blocks as grey levels, as Pillow's `reduce` and `convert("L")` give them.

    Rows of a block are added to each other, then that sum to itself moved by a pixel: both are
    long loops over neighbours, which the compiler makes to vector instructions.

    Args:
        pixels: [height, width, 4] uint8, red, green, blue and one more.
        factor: side of a block, 2 to 5.
    """
    high, wide = pixels.shape[:2]
    values, step = 4 * wide, 4 * factor
    rows = pixels.reshape(high, values)
    whole = wide // factor
    out = np.empty((-(-high // factor), -(-wide // factor)), np.uint8)
    down, sums = np.zeros(values + step, np.uint16), np.empty(values, np.uint16)
    for y in range(out.shape[0]):
        first, last = y * factor, min((y + 1) * factor, high)
        _set(rows[first], down[:values])
        for row in range(first + 1, last):
            _add(rows[row], down[:values])
        _set(down[:values], sums)
        for pixel in range(1, factor):
            _add(down[4 * pixel :], sums)
        _put_greys(sums, step, (last - first) * factor, out[y, :whole])
        if whole < out.shape[1]:
            rest = (last - first) * (wide - whole * factor)
            _put_greys(sums[step * whole :], step, rest, out[y, whole:])
    return out


@numba.njit(nogil=True, cache=True)
def _set(values, sums):
    for place in range(len(sums)):
        sums[place] = values[place]


@numba.njit(nogil=True, cache=True)
def _add(values, sums):
    for place in range(len(sums)):
        sums[place] += values[place]


@numba.njit(nogil=True, cache=True)
def _put_greys(sums, step, many, out):
    """Write the grey level of every `step`-th pixel of sums of `many` pixels."""
    half, share = np.uint32(many // 2), np.uint32(4294967296.0 / (256 * many))
    red_share, green_share = np.uint32(_RED), np.uint32(_GREEN)
    blue_share, rounded = np.uint32(_BLUE), np.uint32(_HALF)
    low, high = np.uint32(16), np.uint32(24)
    for x in range(len(out)):
        red = ((np.uint32(sums[step * x]) + half) * share) >> high
        green = ((np.uint32(sums[step * x + 1]) + half) * share) >> high
        blue = ((np.uint32(sums[step * x + 2]) + half) * share) >> high
        out[x] = (red * red_share + green * green_share + blue * blue_share + rounded) >> low
