"""JPEG files at an eighth of their size, from the first coefficient of each block; needs `numba`.

The mean of 8 x 8 pixels is a block's first coefficient, so all others are only passed. Whatever is
not a plain baseline file of one scan is left to a decoder: the values are the same.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.huffman_compiled import BITS, SPEC, long_code, put_table

SLACK = 1_024  # readable bytes behind the coded ones: more than a block can take
_MOST_SAMPLING, _MOST_DC = 2, 11
_BRIGHTEST = 3_000  # dequantised first coefficient beyond which a file is odd
_UNKNOWN, _GREY, _YCC = 0, 1, 2
_TABLES = 4  # of first coefficients, two, then of the others

# places in what is told of a file
_WIDE, _HIGH, _PARTS, _RESTART, _FORM, _FIELDS = range(6)
# places in what is told of a component
_ACROSS, _DOWN, _NAME, _QUANTISED, _DC, _AC = range(6)
# places in what is told of a block of a unit, which _DC and _AC hold as well
_PART, _PLACE, _STEP, _JUMP, _LEVEL = 0, 1, 2, 3, 6


def memory():
    """Return memory that a thread uses again: tables, as they were made last."""
    return (
        np.zeros((_TABLES, SPEC), np.uint8),
        np.zeros((_TABLES, 1 << BITS), np.uint16),
        np.zeros((_TABLES, 17, 2), np.int64),
        np.zeros((_TABLES, 1 << BITS), np.uint16),
    )


@numba.njit(nogil=True, cache=True)
def eighth(file, clean, tables, least, most_pixels, most_side):
    """Return grey levels, [high, wide], and colour differences; all empty where not plain.

    Args:
        file: the bytes of a JPEG.
        clean: room for as many bytes and `SLACK` more.
        tables: `memory()`.
        least: pixels that the shorter side must have.
        most_pixels, most_side: bounds of the whole.
    """
    spec, codes, longer, quick = tables
    none = np.zeros((0, 0), np.uint8)
    n = len(file)
    if n < 4 or len(clean) < n + SLACK or file[n - 2] != 0xFF or file[n - 1] != 0xD9:
        return none, none, none
    told, parts = np.zeros(_FIELDS, np.int64), np.zeros((3, 6), np.int64)
    at = _header(file, told, parts, spec, codes, longer, quick)
    wide, high = told[_WIDE], told[_HIGH]
    if (
        at < 0
        or min(wide, high) < least
        or max(wide, high) > most_side
        or wide * high > most_pixels
    ):
        return none, none, none
    units = _units(told, parts)
    total = units[0] * units[1]
    cuts = np.zeros(_parts_of(total, told[_RESTART] or total), np.int64)
    if not _cleaned(file, at, clean, cuts):
        return none, none, none
    blocks, size = _blocks_of(told, parts, units)
    planes = np.empty(size, np.uint8)
    restart = told[_RESTART]
    if not _scanned(clean, cuts, restart, blocks, units, spec, codes, longer, quick, planes):
        return none, none, none
    luma = _plane(planes, 0, told, parts, units)
    if told[_PARTS] == 1:
        return luma, none, none
    return luma, _plane(planes, 1, told, parts, units), _plane(planes, 2, told, parts, units)


@numba.njit(nogil=True, cache=True)
def _plane(planes, part, told, parts, units):
    """Return the plane of a component, what fills the last units left out."""
    start = 0
    for k in range(part):
        start += parts[k, _ACROSS] * parts[k, _DOWN] * units[0] * units[1]
    wide = parts[part, _ACROSS] * units[0]
    high = _parts_of(told[_HIGH] * parts[part, _DOWN], 8 * parts[0, _DOWN])
    out = np.empty(
        (high, _parts_of(told[_WIDE] * parts[part, _ACROSS], 8 * parts[0, _ACROSS])), np.uint8
    )
    for y in range(high):
        for x in range(out.shape[1]):
            out[y, x] = planes[start + y * wide + x]
    return out


@numba.njit(nogil=True, cache=True)
def _parts_of(many, size):
    return (many + size - 1) // size


@numba.njit(nogil=True, cache=True)
def _units(told, parts):
    """Return how many units of blocks lie side by side, and one below another."""
    if told[_PARTS] == 1:
        parts[0, _ACROSS] = parts[0, _DOWN] = 1  # then they are single blocks
    across, down = 8 * parts[0, _ACROSS], 8 * parts[0, _DOWN]
    return _parts_of(told[_WIDE], across), _parts_of(told[_HIGH], down)


@numba.njit(nogil=True, cache=True)
def _two(file, at):
    return np.int64(file[at]) * 256 + np.int64(file[at + 1])


@numba.njit(nogil=True, cache=True)
def _header(file, told, parts, spec, codes, longer, quick):
    """Read all up to the coded pixels; return where they begin, -1 where the file is not plain."""
    end, at = len(file), 2
    levels, made = np.zeros(4, np.int64), np.zeros(_TABLES, np.bool_)
    while at + 4 <= end:
        mark, size = file[at + 1], _two(file, at + 2)
        first, last = at + 4, at + 2 + size
        if file[at] != 0xFF or size < 2 or last > end:
            return -1
        sound = True
        if mark == 0xDB:
            sound = _quantisation(file, first, last, levels)
        elif mark == 0xC4:
            sound = _huffman(file, first, last, made, spec, codes, longer, quick)
        elif mark == 0xC0 or mark == 0xC1:
            sound = told[_PARTS] == 0 and _frame(file, first, last, told, parts)
        elif mark == 0xDD:
            sound = size == 4
            told[_RESTART] = _two(file, first) if sound else 0
        elif mark == 0xE0:
            if size >= 7 and file[first] == 74 and file[first + 1] == 70 and told[_FORM] == 0:
                told[_FORM] = _YCC
        elif mark == 0xEE:
            told[_FORM] = _YCC if size == 14 and file[last - 1] == 1 else _UNKNOWN - 1
        elif mark == 0xDA:
            sound = _scan(file, first, last, told, parts, levels, made)
            return last if sound else -1
        elif mark != 0xFE and (mark < 0xE2 or mark > 0xEF or _says_mpf(file, first, last)):
            return -1  # also where EXIF may say that the picture is to be turned
        if not sound:
            return -1
        at = last
    return -1


@numba.njit(nogil=True, cache=True)
def _says_mpf(file, at, end):
    return end - at >= 4 and file[at] == 77 and file[at + 1] == 80 and file[at + 2] == 70


@numba.njit(nogil=True, cache=True)
def _quantisation(file, at, end, levels):
    while at < end:
        wide, number = np.int64(file[at] >> 4), file[at] & 15
        if wide > 1 or number > 3 or at + 1 + 64 * (1 + wide) > end:
            return False
        levels[number] = _two(file, at + 1) if wide else file[at + 1]
        at += 1 + 64 * (1 + wide)
    return True


@numba.njit(nogil=True, cache=True)
def _huffman(file, at, end, made, spec, codes, longer, quick):
    """Make tables; one that is as it was is left."""
    while at < end:
        kind, number = np.int64(file[at] >> 4), np.int64(file[at] & 15)
        if kind > 1 or number > 1 or at + 17 > end:
            return False
        place, many = 2 * kind + number, np.int64(0)
        for k in range(16):
            many += file[at + 1 + k]
        if many > 256 or at + 17 + many > end:
            return False
        same = True
        for k in range(16 + many):
            same &= spec[place, k] == file[at + 1 + k]
        if not same:
            for k in range(SPEC):
                spec[place, k] = file[at + 1 + k] if k < 16 + many else 0
            sound = put_table(spec[place], codes[place], longer[place], quick[place])
            for k in range(many if kind == 0 else 0):
                sound &= spec[place, 16 + k] <= _MOST_DC
            if not sound:
                spec[place, 0] = 255  # as no file has it
                return False
        made[place] = many > 0
        at += 17 + many
    return at == end


@numba.njit(nogil=True, cache=True)
def _frame(file, at, end, told, parts):
    if end - at < 6 or file[at] != 8 or end - at != 6 + 3 * np.int64(file[at + 5]):
        return False
    told[_HIGH], told[_WIDE], n = _two(file, at + 1), _two(file, at + 3), np.int64(file[at + 5])
    if told[_HIGH] == 0 or told[_WIDE] == 0 or (n != 1 and n != 3):
        return False
    told[_PARTS] = n
    for k in range(n):
        name, sampled, number = file[at + 6 + 3 * k], file[at + 7 + 3 * k], file[at + 8 + 3 * k]
        parts[k, _NAME], parts[k, _QUANTISED] = name, number
        parts[k, _ACROSS], parts[k, _DOWN] = sampled >> 4, sampled & 15
        most_across, most_down = parts[0, _ACROSS], parts[0, _DOWN]
        if number > 3 or max(most_across, most_down) > _MOST_SAMPLING:
            return False
        if not 1 <= parts[k, _ACROSS] <= most_across or not 1 <= parts[k, _DOWN] <= most_down:
            return False
    return n == 1 or (parts[1, _ACROSS] == parts[2, _ACROSS] and parts[1, _DOWN] == parts[2, _DOWN])


@numba.njit(nogil=True, cache=True)
def _scan(file, at, end, told, parts, levels, made):
    n = told[_PARTS]
    if n == 0 or end - at != 4 + 2 * n or file[at] != n or (n == 3 and told[_FORM] != _YCC):
        return False
    for k in range(n):
        dc, ac = np.int64(file[at + 2 + 2 * k] >> 4), np.int64(file[at + 2 + 2 * k] & 15)
        known = dc < 2 and ac < 2 and file[at + 1 + 2 * k] == parts[k, _NAME]
        if not known or not made[dc] or not made[2 + ac] or not levels[parts[k, _QUANTISED]]:
            return False
        parts[k, _DC], parts[k, _AC] = dc, 2 + ac
        parts[k, _QUANTISED] = levels[parts[k, _QUANTISED]]
    return file[end - 3] == 0 and file[end - 2] == 63 and file[end - 1] == 0


@numba.njit(nogil=True, cache=True)
def _cleaned(file, at, clean, cuts):
    """Take out stuffed bytes and restart marks; say whether all is plain.

    Args:
        cuts: gets where the parts between restarts end.
    """
    end, many, restarts = len(file), 0, 0
    while at < end - 1:
        size = min(16, end - 1 - at)
        marked = np.uint8(0)
        if size == 16:
            for k in range(16):
                clean[many + k] = file[at + k]
                marked |= np.uint8(file[at + k] == 0xFF)
        else:
            marked = np.uint8(1)
        done = 0 if marked else 16
        while done < size and file[at + done] != 0xFF:
            clean[many + done] = file[at + done]
            done += 1
        at, many = at + done, many + done
        if done == size:
            continue
        mark = file[at + 1]
        clean[many] = 0xFF
        at, many = at + 2, many + (mark == 0)
        if mark == 0:
            continue
        if (mark != 0xD9 and mark != 0xD0 + restarts % 8) or restarts >= len(cuts):
            return False
        cuts[restarts] = many
        restarts += 1
        if mark == 0xD9:
            return restarts == len(cuts)
    return False


@numba.njit(nogil=True, cache=True)
def _eight(clean, at):
    """Return eight bytes, the first one highest."""
    held = np.uint64(clean[at])
    for _ in range(7):
        at += np.uint64(1)
        held = held << np.uint64(8) | np.uint64(clean[at])
    return held


@numba.njit(nogil=True, cache=True)
def _blocks_of(told, parts, units):
    """Return the blocks of a unit in order, [n, 7], and how many blocks there are in all."""
    blocks = np.zeros((12, 7), np.int64)
    n = start = 0
    for part in range(told[_PARTS]):
        across, down = parts[part, _ACROSS], parts[part, _DOWN]
        wide = across * units[0]
        for k in range(across * down):
            blocks[n, _PART], blocks[n, _PLACE] = part, start + k // across * wide + k % across
            blocks[n, _STEP], blocks[n, _JUMP] = across, (down - 1) * wide
            blocks[n, _DC], blocks[n, _AC] = parts[part, _DC], parts[part, _AC]
            blocks[n, _LEVEL] = parts[part, _QUANTISED]
            n += 1
        start += down * wide * units[1]
    return blocks[:n], start


@numba.njit(nogil=True, cache=True)
def _scanned(clean, cuts, restart, blocks, units, spec, codes, longer, quick, planes):
    """Write the planes of all components; say whether the file kept to what it says.

    One long loop: a call, or a part of an array, would cost as much as a block.
    """
    before, lead, eight = np.zeros(3, np.int64), np.uint64(64 - BITS), np.uint64(8)
    one, three, most, least = np.uint64(1), np.uint64(3), np.uint64(63), np.uint64(56)
    at = window = have = np.uint64(0)  # `have` bits of the window lie before the byte `at`
    cut, left, last = 0, restart, np.uint64(cuts[-1])
    for unit in range(units[0] * units[1]):
        if restart and left == 0:
            used = cuts[cut] * 8 - np.int64(at * eight - have)
            if not 0 <= used < 8:
                return False
            at, window, have = np.uint64(cuts[cut]), np.uint64(0), np.uint64(0)
            cut, left = cut + 1, restart
            before[0] = before[1] = before[2] = 0
        left -= 1
        row_ends = unit % units[0] == units[0] - 1
        for number in range(len(blocks)):
            if at > last + eight:
                return False
            dc, ac = np.uint64(blocks[number, _DC]), np.uint64(blocks[number, _AC])
            window |= _eight(clean, at) >> have
            at, have = at + ((most - have) >> three), have | least
            code = np.uint64(codes[dc, window >> lead]) or long_code(spec, longer, dc, window)
            length, size = code & np.uint64(31), code >> eight
            if code == 0:
                return False
            change = np.int64(window << length >> one >> (most - size))
            if change < (1 << np.int64(size)) >> 1:
                change += 1 - (1 << np.int64(size))
            part = blocks[number, _PART]
            before[part] += change
            mean = before[part] * blocks[number, _LEVEL]
            if mean > _BRIGHTEST or mean < -_BRIGHTEST:
                return False
            planes[blocks[number, _PLACE]] = min(max((mean + 1028) >> 3, 0), 255)
            blocks[number, _PLACE] += blocks[number, _STEP] + row_ends * blocks[number, _JUMP]
            window, have, k = window << (length + size), have - length - size, np.int64(1)
            while k < 64:
                window |= _eight(clean, at) >> have
                at, have = at + ((most - have) >> three), have | least
                entry = np.uint64(quick[ac, window >> lead])
                many, ends = entry & np.uint64(15), entry >> np.uint64(15)
                then = k + np.int64((entry >> np.uint64(4)) & np.uint64(127))
                if many == 0 or then > 63:
                    code = np.uint64(codes[ac, window >> lead])
                    if code == 0:
                        code = long_code(spec, longer, ac, window)
                        if code == 0:
                            return False
                    size, run = (code >> eight) & np.uint64(15), np.int64(code >> np.uint64(12))
                    many, then = (code & np.uint64(31)) + size, k + run + 1
                    ends = np.uint64(size == 0 and run != 15)
                    if then > 64 and not ends:
                        return False
                have, window = have - many, window << many
                k = 64 if ends else then
    return 0 <= cuts[-1] * 8 - np.int64(at * eight - have) < 8
