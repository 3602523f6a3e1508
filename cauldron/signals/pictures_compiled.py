"""The reduction of `pictures` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 0x8000  # shares of grey, of 2 ** 16, as Pillow's


@numba.njit(nogil=True, cache=True)
def grey_means(pixels, factor):
    """Return means of blocks as grey levels, as Pillow's `reduce` and `convert("L")` give them.

    Args:
        pixels: [height, width, 4] uint8, red, green, blue and one more.
        factor: side of a block.
    """
    high, wide = pixels.shape[:2]
    rows = pixels.reshape(high, wide * 4)
    out = np.empty((-(-high // factor), -(-wide // factor)), np.uint8)
    sums = np.empty(wide * 4, np.uint16)
    for y in range(out.shape[0]):
        first, last = y * factor, min((y + 1) * factor, high)
        if last - first == 5:
            _add_five(
                rows[first],
                rows[first + 1],
                rows[first + 2],
                rows[first + 3],
                rows[first + 4],
                sums,
            )
        else:
            sums[:] = rows[first]
            for row in range(first + 1, last):
                sums += rows[row]
        for x in range(out.shape[1]):
            left, right = x * factor, min((x + 1) * factor, wide)
            many = (last - first) * (right - left)
            share = np.uint32(4294967296.0 / (256 * many))
            red = green = blue = np.uint32(many // 2)
            for place in range(4 * left, 4 * right, 4):
                red += sums[place]
                green += sums[place + 1]
                blue += sums[place + 2]
            red, green, blue = (red * share) >> 24, (green * share) >> 24, (blue * share) >> 24
            out[y, x] = (red * _RED + green * _GREEN + blue * _BLUE + _HALF) >> 16
    return out


@numba.njit(nogil=True, cache=True)
def _add_five(one, two, three, four, five, sums):
    for place in range(len(sums)):
        sums[place] = (
            np.uint16(one[place])
            + np.uint16(two[place])
            + np.uint16(three[place])
            + np.uint16(four[place])
            + np.uint16(five[place])
        )
