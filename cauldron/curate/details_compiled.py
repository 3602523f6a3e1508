"""The passes of `details` over pixels, compiled by numba; it needs `numba`.

Bounds come as arguments: what numba keeps of a function does not notice that a constant changed.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def soft(values):
    """Smooth by 1-2-1 along both axes, as `details._soft` does."""
    high, wide = values.shape
    once = np.empty((high, wide), np.uint16)
    for y in range(high):
        for x in range(wide):
            before, after = values[y, max(x - 1, 0)], values[y, min(x + 1, wide - 1)]
            once[y, x] = 2 * np.uint16(values[y, x]) + before + after
    out = np.empty((high, wide), np.uint8)
    for y in range(high):
        above, below = max(y - 1, 0), min(y + 1, high - 1)
        for x in range(wide):
            out[y, x] = (2 * once[y, x] + once[above, x] + once[below, x] + 8) >> 4
    return out


@numba.njit(nogil=True, cache=True)
def tone(left, right, dark, bright, cut, flat):
    """Return gain and offset by the flat places, as `details._tone` does."""
    high, wide = (left.shape[0] + 1) // 2, (left.shape[1] + 1) // 2
    total = mean = wanted = 0.0
    says = np.empty((high, wide), np.float32)
    for y in range(high):
        for x in range(wide):
            value, target = np.int32(left[2 * y, 2 * x]), np.int32(right[2 * y, 2 * x])
            slope = 0
            if x > 0:
                slope += abs(value - np.int32(left[2 * y, 2 * x - 2]))
            if x < wide - 1:
                slope += abs(value - np.int32(left[2 * y, 2 * x + 2]))
            if y > 0:
                slope += abs(value - np.int32(left[2 * y - 2, 2 * x]))
            if y < high - 1:
                slope += abs(value - np.int32(left[2 * y + 2, 2 * x]))
            weight = 1 / (1 + (slope * (0.5 / flat)) ** 2)
            if max(value, target) > bright or min(value, target) < dark:
                weight *= cut
            says[y, x] = weight
            total += weight
            mean += weight * value
            wanted += weight * target
    total += 1e-6
    mean, wanted, prior = mean / total, wanted / total, high * wide / total
    above, below = prior, prior
    for y in range(high):
        for x in range(wide):
            value = left[2 * y, 2 * x] - mean
            above += says[y, x] / total * value * (right[2 * y, 2 * x] - wanted)
            below += says[y, x] / total * value * value
    gain = min(max(above / below, 0.5), 2.0)
    return gain, wanted - gain * mean


@numba.njit(nogil=True, cache=True)
def warped(values, x, wider, y, higher):
    """Move and stretch a picture, as `details._warped` does; what lies outside repeats its edge."""
    high, wide = values.shape
    out = np.empty((high, wide), np.uint8)
    lefts, rights, shares = np.empty(wide, np.int32), np.empty(wide, np.int32), np.empty(wide)
    for column in range(wide):
        from_x = (1 + wider) * (column + 0.5) + (x - wider) * wide / 2 - 0.5
        from_x = min(max(from_x, 0.0), wide - 1.0)
        lefts[column] = int(from_x)
        rights[column] = min(lefts[column] + 1, wide - 1)
        shares[column] = from_x - lefts[column]
    for row in range(high):
        from_y = (1 + higher) * (row + 0.5) + (y - higher) * high / 2 - 0.5
        from_y = min(max(from_y, 0.0), high - 1.0)
        top = int(from_y)
        low, below = from_y - top, min(top + 1, high - 1)
        for column in range(wide):
            left, right, far = lefts[column], rights[column], shares[column]
            upper = values[top, left] * (1 - far) + values[top, right] * far
            lower = values[below, left] * (1 - far) + values[below, right] * far
            out[row, column] = np.uint8(upper * (1 - low) + lower * low + 0.5)
    return out


@numba.njit(nogil=True, cache=True)
def places(values, target, least, most, steps, window, share, steep):
    """Return the largest sum of a place and the usual one at edges, as `details._rest` does.

    Differences of the last rows are held, and the sums of their columns moved down row by row.
    """
    high, wide = values.shape
    half, n = window // 2, wide - window + 1
    rests, nothing = np.zeros((window, wide), np.int32), np.zeros(wide, np.int32)
    columns, totals = np.zeros(wide, np.int32), np.empty(n, np.int32)
    across = np.empty(n, np.int32)
    counts, edges, worst = np.zeros(255 * steps * window**2 + 1, np.int32), 0, np.int32(0)
    for y in range(high):
        rest = rests[y % window]
        _exchange(columns, rest, nothing)
        _put_rests(values[y], target[y], least, most, np.int32(steps), rest)
        _exchange(columns, nothing, rest)
        if y < window - 1:
            continue
        totals[:] = 0
        for k in range(window):
            _exchange(totals, nothing, columns[k:])
        worst = max(worst, _largest(totals))
        middle = y - half
        above, below = target[middle - 1, half:], target[middle + 1, half:]
        _put_across(target[middle, half - 1 :], above, below, across)
        for x in range(n):
            if across[x] > steep:
                counts[totals[x]] += 1
                edges += 1
    rank, usual = int(share * (edges - 1)) if edges else -1, 0
    while rank >= 0:
        rank -= counts[usual]
        usual += 1
    return worst, max(usual - 1, 0)


@numba.njit(nogil=True, cache=True)
def _put_rests(values, target, least, most, steps, out):
    for x in range(len(out)):
        level, goal = values[x], np.int32(target[x]) * steps
        out[x] = max(least[level] - goal, goal - most[level], 0)


@numba.njit(nogil=True, cache=True)
def _exchange(sums, old, new):
    for x in range(len(sums)):
        sums[x] += new[x] - old[x]


@numba.njit(nogil=True, cache=True)
def _largest(values):
    found = values[0]
    for x in range(len(values)):
        found = max(found, values[x])
    return found


@numba.njit(nogil=True, cache=True)
def _put_across(row, above, below, out):
    """Write how much grey levels change at each pixel, to the sides and up and down."""
    for x in range(len(out)):
        out[x] = abs(np.int32(row[x + 2]) - np.int32(row[x]))
        out[x] += abs(np.int32(below[x]) - np.int32(above[x]))
