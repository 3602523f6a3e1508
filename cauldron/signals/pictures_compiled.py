"""The reduction of `pictures` compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def eighths(pixels):
    """Return means of 8 x 8 pixels as grey levels and two colour differences, [3, high, wide].

    Rows of a block are added to each other, then that sum to itself moved by a pixel: both are
    long loops over neighbours, which the compiler makes to vector instructions.

    Args:
        pixels: [height, width, 4] uint8, red, green, blue and one more.
    """
    high, wide = pixels.shape[:2]
    rows = pixels.reshape(high, 4 * wide)
    out = np.empty((3, (high + 7) // 8, (wide + 7) // 8), np.uint8)
    down, sums = np.zeros(4 * wide + 32, np.uint16), np.empty(4 * wide, np.uint16)
    for y in range(out.shape[1]):
        first, last = 8 * y, min(8 * y + 8, high)
        for x in range(4 * wide):
            down[x] = rows[first, x]
        for row in range(first + 1, last):
            for x in range(4 * wide):
                down[x] += rows[row, x]
        for x in range(4 * wide):
            sums[x] = down[x]
        for pixel in range(1, 8):
            for x in range(4 * wide):
                sums[x] += down[x + 4 * pixel]
        for x in range(out.shape[2]):
            red, green, blue = sums[32 * x], sums[32 * x + 1], sums[32 * x + 2]
            share = 1 / ((last - first) * min(8, wide - 8 * x))
            grey = (0.299 * red + 0.587 * green + 0.114 * blue) * share
            out[0, y, x] = int(grey + 0.5)
            out[1, y, x] = int(min(128.5 + (blue * share - grey) * 0.564, 255.0))
            out[2, y, x] = int(min(128.5 + (red * share - grey) * 0.713, 255.0))
    return out
