"""The passes of `details` over pixels, compiled by numba; it needs `numba`.

Loops over neighbours are to become vector instructions: so places are told without a sign where
they are sums, no division is checked, and what cannot be foreseen is no branch.
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
        for x in range(1, wide - 1):
            once[y, x] = 2 * np.uint16(values[y, x]) + values[y, x - 1] + values[y, x + 1]
        for x in (0, wide - 1):
            beside = values[y, min(x + 1, wide - 1)] if x == 0 else values[y, x - 1]
            once[y, x] = 3 * np.uint16(values[y, x]) + beside
    out = np.empty((high, wide), np.uint8)
    for y in range(high):
        above, below = max(y - 1, 0), min(y + 1, high - 1)
        for x in range(wide):
            out[y, x] = (2 * once[y, x] + once[above, x] + once[below, x] + 8) >> 4
    return out


@numba.njit(nogil=True, cache=True)
def mean_and_deviation(values, step):
    """Return mean and deviation of every `step`-th pixel along both axes."""
    many = total = squares = 0
    for y in range(0, values.shape[0], step):
        sums = ones = np.int32(0)  # of a row: a side has no more than some hundred pixels
        for x in range(0, values.shape[1], step):
            value = np.int32(values[y, x])
            ones, sums = np.int32(ones + value), np.int32(sums + value * value)
        total, squares = total + ones, squares + sums
    many = ((values.shape[0] + step - 1) // step) * ((values.shape[1] + step - 1) // step)
    mean = total / many
    return mean, np.sqrt(max(squares / many - mean * mean, 0.0))


@numba.njit(nogil=True, cache=True)
def profiles(values):
    """Return the means of columns and of rows."""
    high, wide = values.shape
    columns, rows = np.zeros(wide, np.int32), np.empty(high)
    for y in range(high):
        total = 0
        for x in range(wide):
            columns[x] += values[y, x]
            total += values[y, x]
        rows[y] = total / wide
    return columns / high, rows


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def best_crop(left, right, low, share, border):
    """Return under which crop a profile is most like another, as `details._shifted` seeks it."""
    first, many, one = np.uint64(border), np.uint64(len(left) - 2 * border), np.uint64(1)
    wanted = right[border : len(left) - border] - right[border : len(left) - border].mean()
    told, best, found = np.empty(many), -np.inf, 0
    for crop in range(len(low)):
        total = squares = product = 0.0
        for k in range(many):
            at, far = np.uint64(low[crop, k + first]), share[crop, k + first]
            told[k] = left[at] * (1 - far) + left[at + one] * far
        for k in range(many):
            total, squares = total + told[k], squares + told[k] * told[k]
            product += told[k] * wanted[k]
        spread = squares - total * total / max(many, one)
        alike = product / (np.sqrt(max(spread, 0.0)) + 1e-3)
        if alike > best:
            best, found = alike, crop
    return found


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def tone(left, right, dark, bright, cut, flat):
    """Return gain and offset by the flat places, as `details._tone` does."""
    high, wide = (left.shape[0] + 1) // 2, (left.shape[1] + 1) // 2
    values, targets = np.empty((high + 2, wide + 2), np.int16), np.empty((high, wide), np.int16)
    says = np.empty((high, wide), np.float32)
    for y in range(high):
        for x in range(wide):
            values[y + 1, x + 1] = left[2 * y, 2 * x]
            targets[y, x] = right[2 * y, 2 * x]
        values[y + 1, 0], values[y + 1, wide + 1] = values[y + 1, 1], values[y + 1, wide]
    values[0], values[high + 1] = values[1], values[high]  # no slope over the border
    total = mean = wanted = 0.0
    for y in range(high):
        for x in range(wide):
            value, target = np.int32(values[y + 1, x + 1]), np.int32(targets[y, x])
            slope = abs(value - values[y + 1, x]) + abs(value - values[y + 1, x + 2])
            slope += abs(value - values[y, x + 1]) + abs(value - values[y + 2, x + 1])
            weight = 1 / (1 + (slope * (0.5 / flat)) ** 2)
            weight *= cut if max(value, target) > bright or min(value, target) < dark else 1.0
            says[y, x] = weight
            total += weight
            mean += weight * value
            wanted += weight * target
    total += 1e-6
    mean, wanted, prior = mean / total, wanted / total, high * wide / total
    above, below, share = prior, prior, 1 / total
    for y in range(high):
        for x in range(wide):
            value = values[y + 1, x + 1] - mean
            weighed = says[y, x] * share * value
            above += weighed * (targets[y, x] - wanted)
            below += weighed * value
    gain = min(max(above / below, 0.5), 2.0)
    return gain, wanted - gain * mean


@numba.njit(nogil=True, cache=True)
def cut_gain(left, right, flat, share, off, most):
    """Return the gain that explains all flat levels, else 1, as `details._cut_gain` does."""
    high, wide = (left.shape[0] + 1) // 2, (left.shape[1] + 1) // 2
    many, total = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for y in range(high):
        for x in range(wide):
            value, slope = np.int32(left[2 * y, 2 * x]), 0
            if x > 0:
                slope += abs(value - np.int32(left[2 * y, 2 * x - 2]))
            if x < wide - 1:
                slope += abs(value - np.int32(left[2 * y, 2 * x + 2]))
            if y > 0:
                slope += abs(value - np.int32(left[2 * y - 2, 2 * x]))
            if y < high - 1:
                slope += abs(value - np.int32(left[2 * y + 2, 2 * x]))
            if slope <= flat:
                many[value] += 1
                total[value] += right[2 * y, 2 * x]
    least, best, found, within = max(share * high * wide, 4), np.inf, 1.0, False
    for percent in range(100, most + 1):
        cost = largest = 0.0
        for level in range(256):
            if many[level] >= least:
                made = min(percent / 100 * level, 255.0)
                apart = abs(total[level] / many[level] - made)
                cost, largest = cost + apart * many[level], max(largest, apart)
        if cost < best:
            best, found, within = cost, percent / 100, largest <= off
    return found if within else 1.0


@numba.njit(nogil=True, cache=True)
def warped(values, x, wider, y, higher):
    """Move and stretch a picture, as `details._warped` does; what lies outside repeats its edge."""
    high, wide = values.shape
    out = np.empty((high, wide), np.uint8)
    lefts, rights, shares = np.empty(wide, np.uint32), np.empty(wide, np.uint32), np.empty(wide)
    for column in range(wide):
        from_x = (1 + wider) * (column + 0.5) + (x - wider) * wide / 2 - 0.5
        from_x = min(max(from_x, 0.0), wide - 1.0)
        left = int(from_x)
        lefts[column], rights[column] = left, min(left + 1, wide - 1)
        shares[column] = from_x - left
    moved, filled = np.empty((2, wide)), 0  # rows moved along themselves: the last two of them
    for row in range(high):
        from_y = (1 + higher) * (row + 0.5) + (y - higher) * high / 2 - 0.5
        from_y = min(max(from_y, 0.0), high - 1.0)
        top = int(from_y)
        low, below = from_y - top, min(top + 1, high - 1)
        for source in range(max(filled, top), below + 1):
            for column in range(wide):
                left, right, far = lefts[column], rights[column], shares[column]
                level = values[source, left] * (1 - far) + values[source, right] * far
                moved[source % 2, column] = level
        filled = below + 1
        for column in range(wide):
            level = moved[top % 2, column] * (1 - low) + moved[below % 2, column] * low
            out[row, column] = np.uint8(level + 0.5)
    return out


@numba.njit(nogil=True, cache=True)
def places(values, target, least, most, steps, window, share, steep):
    """Return the largest sum of a place and the usual one at edges, as `details._rest` does.

    Differences of the last rows are held, and the sums of their columns moved down row by row.
    """
    high, wide = values.shape
    both, n = np.empty(256, np.uint32), wide - window + 1
    for k in range(256):
        both[k] = np.uint32(least[k]) | np.uint32(most[k]) << np.uint32(16)
    rests, columns = np.zeros((window, wide), np.int16), np.zeros(wide, np.int16)
    bounds, totals = np.empty(wide, np.uint32), np.empty(n, np.int16)
    changes, kept = np.empty(n, np.int16), np.empty(n + 1, np.int16)
    counts, edges, worst = np.zeros(255 * steps * window**2 + 1, np.int32), 0, np.int16(0)
    for y in range(high):
        _put_rests(values, target, both, y, np.int16(steps), bounds, rests, columns)
        if y >= window - 1:
            worst = max(worst, _put_totals(columns, window, totals))
            _put_changes(target, y - window // 2, window // 2, changes)
            many = _put_edges(totals, changes, steep, kept)
            for k in range(many):
                counts[kept[k]] += 1
            edges += many
    rank, usual = int(share * (edges - 1)) if edges else -1, 0
    while rank >= 0:
        rank -= counts[usual]
        usual += 1
    return worst, max(usual - 1, 0)


@numba.njit(nogil=True, cache=True)
def _put_rests(values, target, both, y, steps, bounds, rests, columns):
    """Put down what is left in a row, instead of that of the row a place above, and sum it up."""
    slot = y % len(rests)
    for x in range(len(columns)):
        bounds[x] = both[values[y, x]]
    for x in range(len(columns)):
        goal = np.int16(np.int16(target[y, x]) * steps)
        low, high = np.int16(bounds[x] & np.uint32(0xFFFF)), np.int16(bounds[x] >> np.uint32(16))
        rest = np.int16(max(np.int16(low - goal), np.int16(goal - high), np.int16(0)))
        columns[x] = np.int16(columns[x] + np.int16(rest - rests[slot, x]))
        rests[slot, x] = rest


@numba.njit(nogil=True, cache=True)
def _put_totals(columns, window, totals):
    """Write the sums of places; return the largest."""
    worst = np.int16(0)
    for x in range(len(totals)):
        totals[x] = columns[x]
    for k in range(1, window):
        for x in range(len(totals)):
            totals[x] += columns[x + k]
    for x in range(len(totals)):
        worst = max(worst, totals[x])
    return worst


@numba.njit(nogil=True, cache=True)
def _put_changes(target, y, half, changes):
    """Write how levels change at the middle of the places of a row."""
    left, middle, right = np.uint64(half - 1), np.uint64(half), np.uint64(half + 1)
    for x in range(np.uint64(len(changes))):
        across = np.int16(target[y, x + right]) - np.int16(target[y, x + left])
        down = np.int16(target[y + 1, x + middle]) - np.int16(target[y - 1, x + middle])
        changes[x] = abs(np.int16(across)) + abs(np.int16(down))


@numba.njit(nogil=True, cache=True)
def _put_edges(totals, changes, steep, kept):
    """Write the sums of those places at whose middle there is an edge; return how many these are.

    All are written, but the next one over what is not to stay: whether it is cannot be foreseen.
    """
    many = 0
    for x in range(len(totals)):
        kept[many] = totals[x]
        many += changes[x] > steep
    return many


@numba.njit(nogil=True, cache=True)
def refined(left, right, shift, stretch, border, rounds, most):
    """Improve the shift and stretch of a profile, as `details._refined` does."""
    n = len(left)
    told, normal, wanted = np.empty(n), np.empty((4, 4)), np.empty(4)
    for _ in range(rounds):
        for k in range(n):
            along = np.float64(np.float32((k - (n - 1) / 2) / (n / 2)))
            at = (shift + (1 + stretch) * along) * n / 2 + (n - 1) / 2
            at = min(max(at, 0.0), n - 1.0)
            low = min(int(at), n - 2)
            told[k] = left[low] + (left[low + 1] - left[low]) * (at - low)
        normal[:], wanted[:] = 0, 0
        for k in range(border + 1, n - border - 1):
            slope = (told[k + 1] - told[k - 1]) * (n / 4)
            along = np.float64(np.float32((k - (n - 1) / 2) / (n / 2)))
            feature = (slope, slope * along, told[k], 1.0)
            for one in range(4):
                wanted[one] += feature[one] * right[k]
                for two in range(one + 1):
                    normal[one, two] += feature[one] * feature[two]
        for one in range(4):
            normal[one, one] = normal[one, one] * (1 + 1e-6) + 1e-6
            for two in range(one):
                normal[two, one] = normal[one, two]
        _solve(normal, wanted)
        gain = max(wanted[2], 0.3)
        shift += min(max(wanted[0] / gain, -most), most)
        stretch += min(max(wanted[1] / gain, -most), most)
    return shift, stretch


@numba.njit(nogil=True, cache=True)
def _solve(normal, wanted):
    """Solve linear equations in place, by elimination with the largest pivot."""
    n = len(wanted)
    for k in range(n):
        best = k
        for row in range(k + 1, n):
            if abs(normal[row, k]) > abs(normal[best, k]):
                best = row
        for column in range(n):
            held = normal[k, column]
            normal[k, column] = normal[best, column]
            normal[best, column] = held
        held = wanted[k]
        wanted[k] = wanted[best]
        wanted[best] = held
        for row in range(k + 1, n):
            share = normal[row, k] / normal[k, k]
            for column in range(k, n):
                normal[row, column] -= share * normal[k, column]
            wanted[row] -= share * wanted[k]
    for k in range(n - 1, -1, -1):
        for column in range(k + 1, n):
            wanted[k] -= normal[k, column] * wanted[column]
        wanted[k] /= normal[k, k]


@numba.njit(nogil=True, cache=True)
def rest_of(left, right, top, side, least):
    """Return correlation and largest difference, as `thumbs_laid._rest_of` does."""
    high, wide = left.shape[0] - 2 * top, left.shape[1] - 2 * side
    n = high * wide
    one = two = ones = both = twos = np.int64(0)
    for y in range(top, top + high):
        for x in range(side, side + wide):
            a, b = np.int32(left[y, x]), np.int32(right[y, x])
            one, two = one + a, two + b
            ones, both, twos = ones + a * a, both + a * b, twos + b * b
    across = both - one * two / n
    spread, other = ones - one * one / n, twos - two * two / n
    like = across / np.sqrt(spread * other + 1e-3)
    if like < least:
        return like, np.inf
    gain = across / (spread + 1)
    offset = two / n - gain * (one / n)
    rows = np.zeros((3, wide))
    worst = 0.0
    for y in range(high):
        row = rows[y % 3]
        for x in range(wide):
            row[x] = abs(right[y + top, x + side] - gain * left[y + top, x + side] - offset)
        if y >= 2:
            above, middle = rows[(y - 2) % 3], rows[(y - 1) % 3]
            for x in range(1, wide - 1):
                edges = above[x] + row[x] + middle[x - 1] + middle[x + 1]
                corners = above[x - 1] + above[x + 1] + row[x - 1] + row[x + 1]
                worst = max(worst, (4 * middle[x] + 2 * edges + corners) / 16)
    return like, worst


@numba.njit(nogil=True, cache=True)
def laid(smooth, columns, rows, pairs, least, enough, steps, border, rounds, most, furthest):
    """Return correlation and largest difference of pairs, as `thumbs_laid.laid` does."""
    n = smooth.shape[1]
    low, share, shift, stretch = steps
    out, place = np.empty((2, len(pairs))), np.empty(4)
    for number in range(len(pairs)):
        a, b = pairs[number]
        out[0, number], out[1, number] = rest_of(smooth[a], smooth[b], 0, 0, least)
        if out[0, number] >= enough:
            continue
        for axis in range(2):
            left, right = (rows[a], rows[b]) if axis else (columns[a], columns[b])
            best = best_crop(left, right, low, share, border)
            found = refined(left, right, shift[best], stretch[best], border, rounds, most)
            for k in range(2):
                place[2 * axis + k] = min(max(found[k], -furthest), furthest)
        over = warped(smooth[a], place[0], place[1], place[2], place[3])
        side = edge_of(n, place[0], place[1])
        top = edge_of(n, place[2], place[3])
        like, worst = rest_of(over, smooth[b], top, side, least)
        if like > out[0, number]:
            out[0, number], out[1, number] = like, worst
    return out


@numba.njit(nogil=True, cache=True)
def edge_of(side, shift, stretch):
    """Return how many pixels of each end a crop may have taken, as `details.inside` does."""
    moved = shift != 0 or stretch != 0
    return int(np.ceil(side * (abs(shift) + abs(stretch)) / 2)) + 2 * moved


@numba.njit(nogil=True, cache=True)
def flat_share(thumbs, wanted, levels):
    """Return shares of pixels near the two most frequent levels, as `alignment.flat_share`."""
    out = np.zeros(len(thumbs))
    for number in wanted:
        thumb = thumbs[number].ravel()
        counts = np.zeros((4, 256), np.int64)  # equal neighbours wait for each other's count
        for k in range(0, len(thumb), 4):
            for part in range(4):
                counts[part, thumb[k + part]] += 1
        summed = counts.sum(axis=0)
        for _ in range(2):
            most = summed.argmax()
            for level in range(max(most - levels, 0), min(most + levels + 1, 256)):
                out[number] += summed[level] / len(thumb)
                summed[level] = 0
    return out


@numba.njit(nogil=True, cache=True)
def smoothed(thumbs, times):
    """Return thumbnails smoothed some times; the means of their columns, and of their rows."""
    out, n = np.empty_like(thumbs), thumbs.shape[1]
    columns, rows = np.empty((len(thumbs), n)), np.empty((len(thumbs), n))
    for number in range(len(thumbs)):
        thumb = thumbs[number]
        columns[number], rows[number] = profiles(thumb)
        for _ in range(times):
            thumb = soft(thumb)
        out[number] = thumb
    return out, columns, rows
