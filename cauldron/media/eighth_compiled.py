"""JPEG files at an eighth of their size, from the first coefficient of each block; needs `numba`.

The mean of 8 x 8 pixels is a block's first coefficient, so all others are only passed. Whatever is
not a plain baseline file of one scan is left to a decoder: the values are the same.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.huffman_compiled import (
    BITS,
    OTHERS,
    SPAN,
    SPEC,
    STEPS,
    long_code,
    put_codes,
    put_steps,
)
from cauldron.media.jpeg_header_compiled import (
    AC,
    ACROSS,
    DC,
    DOWN,
    FIELDS,
    HIGH,
    PARTS,
    QUANTISED,
    RESTART,
    WIDE,
    header,
    parts_of,
    units_of,
)
from cauldron.media.scan_compiled import (
    BEHIND,
    BLOCK,
    END,
    ENDED,
    IDLE,
    KINDS,
    START,
    scanned,
)

_TOGETHER = 16  # files whose blocks are passed in one go
_MOST_BLOCKS = 1 << 20  # of these, unless it is a single file
_LEAST_BITS = 2  # of a block
_BRIGHTEST = 3_000  # dequantised first coefficient beyond which a file is odd
_NOT_PLAIN, _NO_ROOM = -1, -2

# places in what is told of a file: behind what its header says, where things begin and how many
_AT, _BLOCKS, _PARTS, _FIRST_PART, _MEANS, _FIELDS = range(FIELDS, FIELDS + 6)
# places in what is told of a block of a unit
_COMPONENT, _PLACE, _STEP, _JUMP, _KIND, _LEVEL = range(6)


def memory():
    """Return memory that a thread uses again: tables, as they were made last."""
    return (
        np.zeros((2 * KINDS, SPEC), np.uint8),
        np.zeros((2 * KINDS, SPAN), np.uint16),
        np.zeros((2 * KINDS, 17, 2), np.int64),
        np.zeros(IDLE + 2 * SPAN, np.uint16),
        np.zeros(1, np.int64),  # the kind whose tables are the next to be replaced
    )


@numba.njit(nogil=True, cache=True)
def eighths(held, starts, sizes, tables, first, bounds):
    """Read files from one on, as many as are read together.

    Args:
        held: what all files lie in; starts, sizes: [n] where each does.
        tables: `memory()`.
        bounds: bytes of a file at most, pixels of the shorter side at least, of a picture and of
            a side at most.

    Returns:
        Which file is the first not to be read; and what `planes_of` takes.
    """
    last = min(len(sizes), first + _TOGETHER)
    told, components = (
        np.zeros((last - first, _FIELDS), np.int64),
        np.zeros((last - first, 3, 6), np.int64),
    )
    used = np.zeros(KINDS, np.bool_)
    octets = parts = blocks = 0
    for number in range(first, last):
        own = told[number - first]
        file = held[starts[number] : starts[number] + sizes[number]]
        own[_AT] = _opened(file, own, components[number - first], tables, used, bounds)
        if own[_AT] == _NO_ROOM or (number > first and blocks + own[_BLOCKS] > _MOST_BLOCKS):
            last = number
            break
        if own[_AT] > 0:
            own[_MEANS] = blocks
            octets += sizes[number]
            parts += own[_PARTS]
            blocks += own[_BLOCKS]
    clean, places = np.empty(octets + BEHIND, np.uint8), np.zeros((parts, 4), np.int64)
    steps = np.empty(2 * (blocks + parts + 3), np.uint32)
    octets, parts, block = 0, 0, _put_idle(steps, 0)
    for number in range(first, last):
        own = told[number - first]
        if own[_AT] > 0:
            file, own[_FIRST_PART] = held[starts[number] : starts[number] + sizes[number]], parts
            own_places = places[parts : parts + own[_PARTS]]
            own[_AT] = _cleaned(file, own[_AT], clean, octets, own_places)
            if own[_AT] > 0:
                block = _laid_out(own, components[number - first], own_places, steps, block)
                octets, parts = own[_AT], parts + own[_PARTS]
    _put_idle(steps, block)
    scanned(clean, places[:parts], steps, tables)
    planes = np.empty(blocks, np.uint8)
    for number in range(last - first):
        own = told[number]
        if own[_AT] > 0:
            own_places = places[own[_FIRST_PART] : own[_FIRST_PART] + own[_PARTS]]
            if not _put_means(own, components[number], own_places, steps, tables, planes):
                own[_AT] = _NOT_PLAIN
    return last, told, components, planes


@numba.njit(nogil=True, cache=True)
def planes_of(number, told, components, planes):
    """Return the planes of one of the files that `eighths` read; all empty where not plain.

    These are grey levels, [high, wide], and colour differences.
    """
    own, none = told[number], np.zeros((0, 0), np.uint8)
    if own[_AT] <= 0:
        return none, none, none
    luma = _plane(planes, 0, own, components[number])
    if own[PARTS] == 1:
        return luma, none, none
    blue = _plane(planes, 1, own, components[number])
    return luma, blue, _plane(planes, 2, own, components[number])


@numba.njit(nogil=True, cache=True)
def _plane(planes, part, told, parts):
    """Return the plane of a component, what fills the last units left out."""
    units = units_of(told, parts)
    start = told[_MEANS]
    for k in range(part):
        start += parts[k, ACROSS] * parts[k, DOWN] * units[0] * units[1]
    wide = parts[part, ACROSS] * units[0]
    high = parts_of(told[HIGH] * parts[part, DOWN], 8 * parts[0, DOWN])
    out = np.empty(
        (high, parts_of(told[WIDE] * parts[part, ACROSS], 8 * parts[0, ACROSS])), np.uint8
    )
    for y in range(high):
        for x in range(out.shape[1]):
            out[y, x] = planes[start + y * wide + x]
    return out


@numba.njit(nogil=True, cache=True)
def _opened(file, told, components, tables, used, bounds):
    """Read what a file says and make its tables; return where its coded pixels begin."""
    n = len(file)
    most_bytes, least, most_pixels, most_side = bounds
    if n < 4 or n > most_bytes or file[0] != 0xFF or file[1] != 0xD8:
        return _NOT_PLAIN
    if file[n - 2] != 0xFF or file[n - 1] != 0xD9:
        return _NOT_PLAIN
    specs = np.zeros((4, SPEC), np.uint8)
    at = header(file, told, components, specs)
    wide, high = told[WIDE], told[HIGH]
    if at < 0 or min(wide, high) < least or max(wide, high) > most_side:
        return _NOT_PLAIN
    if wide * high > most_pixels:
        return _NOT_PLAIN
    across, down = units_of(told, components)
    for part in range(told[PARTS]):
        one = components[part]
        told[_BLOCKS] += across * down * one[ACROSS] * one[DOWN]
        one[DC] = _kind(specs[one[DC]], specs[one[AC]], tables, used)
        if one[DC] < 0:
            return one[DC]
    told[RESTART] = told[RESTART] or across * down
    told[_PARTS] = parts_of(across * down, told[RESTART])
    return at if told[_BLOCKS] * _LEAST_BITS <= 8 * n else _NOT_PLAIN


@numba.njit(nogil=True, cache=True)
def _kind(first, others, tables, used):
    """Return the number of a kind of blocks, as coded by two specifications; make its tables."""
    specs, codes, longer, steps, following = tables
    for kind in range(KINDS):
        same = True
        for k in range(SPEC):
            same &= specs[2 * kind, k] == first[k] and specs[2 * kind + 1, k] == others[k]
        if same:
            used[kind] = True
            return kind
    for _ in range(KINDS):
        kind = following[0]
        following[0] = (kind + 1) % KINDS
        if not used[kind]:
            break
    else:
        return _NO_ROOM
    one, two = 2 * kind, 2 * kind + 1
    sound = put_codes(first, codes[one], longer[one])
    sound &= put_codes(others, codes[two], longer[two])
    for k in range(SPEC):
        specs[one, k], specs[two, k] = first[k] if sound else 0, others[k]  # 0: as no file has it
    if not sound:
        return _NOT_PLAIN
    put_steps(codes[one], codes[two], others, longer[two], steps[STEPS * kind : STEPS * (kind + 1)])
    used[kind] = True
    return kind


@numba.njit(nogil=True, cache=True)
def _cleaned(file, at, clean, many, places):
    """Take out stuffed bytes and restart marks; return how many bytes there are then.

    Args:
        many: bytes there are before.
        places: of the parts between restarts; where the file is odd the last one never ends.
    """
    begin, last, one, few = np.uint64(many), np.uint64(len(file) - 1), np.uint64(1), np.uint64(16)
    at, many, restarts = np.uint64(at), np.uint64(many), 0
    while at < last:
        if at + few <= last:
            most = np.uint8(0)
            for k in range(few):
                most = max(most, file[at + k])
            for k in range(few):
                clean[many + k] = file[at + k]
            if most != 0xFF:
                at, many = at + few, many + few
                continue
        while at < last and file[at] != 0xFF:
            clean[many] = file[at]
            at, many = at + one, many + one
        if at == last:
            break
        mark = file[at + one]
        clean[many] = 0xFF
        at, many = at + one + one, many + np.uint64(mark == 0)
        if mark == 0:
            continue
        ends = mark == 0xD9
        if (not ends and mark != 0xD0 + restarts % 8) or restarts >= len(places):
            return _NOT_PLAIN
        places[restarts, START], places[restarts, END] = 8 * np.int64(begin), 8 * np.int64(many)
        begin, restarts = many, restarts + 1
        if ends:
            return np.int64(many) if restarts == len(places) else _NOT_PLAIN
    return _NOT_PLAIN


@numba.njit(nogil=True, cache=True)
def _put_idle(steps, block):
    steps[block], steps[block + 1] = IDLE, IDLE + OTHERS
    return block + 2


@numba.njit(nogil=True, cache=True)
def _laid_out(told, components, places, steps, block):
    """Put down by which steps the blocks of a file are passed; return where those are to end."""
    units = units_of(told, components)
    kinds, left = _order(told, components, units)[_KIND], units[0] * units[1]
    at = np.uint64(block)
    for part in range(len(places)):
        places[part, BLOCK] = np.int64(at)
        for _ in range(min(left, told[RESTART])):
            for k in range(np.uint64(len(kinds))):
                first = np.uint32(kinds[k] * STEPS)
                steps[at], steps[at + np.uint64(1)] = first, first + np.uint32(OTHERS)
                at += np.uint64(2)
        left -= told[RESTART]
        at = np.uint64(_put_idle(steps, np.int64(at)))
    return np.int64(at)


@numba.njit(nogil=True, cache=True)
def _order(told, components, units):
    """Return the blocks of a unit in order, [6, n], placed in planes one behind the other."""
    blocks, n, start = np.zeros((6, 12), np.int64), 0, told[_MEANS]
    for part in range(told[PARTS]):
        one = components[part]
        across, down = one[ACROSS], one[DOWN]
        wide = across * units[0]
        for k in range(across * down):
            blocks[_COMPONENT, n], blocks[_PLACE, n] = part, start + k // across * wide + k % across
            blocks[_STEP, n], blocks[_JUMP, n] = across, (down - 1) * wide
            blocks[_KIND, n], blocks[_LEVEL, n] = one[DC], one[QUANTISED]
            n += 1
        start += down * wide * units[1]
    return blocks[:, :n].copy()


@numba.njit(nogil=True, cache=True)
def _put_means(told, components, places, steps, tables, planes):
    """Write the planes of a file; say whether it kept to what it says."""
    specs, codes, longer = tables[:3]
    for part in range(len(places)):
        if not 0 <= places[part, END] - places[part, ENDED] < 8:
            return False
    units, before = units_of(told, components), np.zeros(3, np.int64)
    order = _order(told, components, units)
    component, place, levels, kinds = order[_COMPONENT], order[_PLACE], order[_LEVEL], order[_KIND]
    step, jump = order[_STEP], order[_JUMP]
    lead, most, half = np.uint64(64 - BITS), np.uint64(63), np.uint64(32)
    one, two, size_at, low = np.uint64(1), np.uint64(2), np.uint64(8), np.uint64(31)
    part, left, across, block = 0, 0, 0, np.uint64(0)
    for _ in range(units[0] * units[1]):
        if left == 0:
            block, part, left = np.uint64(places[part, BLOCK]), part + 1, told[RESTART]
            before[0] = before[1] = before[2] = 0
        left, across = left - 1, across + 1
        row_ends = across == units[0]
        across = 0 if row_ends else across
        for k in range(np.uint64(len(kinds))):
            window, table = np.uint64(steps[block]) << half, two * np.uint64(kinds[k])
            block += two
            code = np.uint64(codes[table, window >> lead])
            if code == 0:
                code = long_code(specs[table], longer[table], window)
            length, size = code & low, code >> size_at
            window <<= length  # a value that begins with 0 is negative, and less by all ones
            ones = ((one << size) - one) & ((window >> most) - one)
            change = np.int64((window >> one >> (most - size)) - ones)
            own = np.uint64(component[k])
            before[own] += change
            mean = before[own] * levels[k]
            if mean > _BRIGHTEST or mean < -_BRIGHTEST:
                return False
            planes[np.uint64(place[k])] = min(max((mean + 1028) >> 3, 0), 255)
            place[k] += step[k] + row_ends * jump[k]
    return True
