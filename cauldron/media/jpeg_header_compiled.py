"""What a plain baseline JPEG says before its coded pixels; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.huffman_compiled import SPEC

_MOST_SAMPLING, _MOST_FIRST = 2, 11  # bits of a first coefficient
_UNKNOWN, _YCC = 0, 2

# places in what is told of a file
WIDE, HIGH, PARTS, RESTART, FORM, FIELDS = range(6)
# places in what is told of a component
ACROSS, DOWN, NAME, QUANTISED, DC, AC = range(6)


@numba.njit(nogil=True, cache=True)
def header(file, told, parts, specs):
    """Read all up to the coded pixels; return where they begin, -1 where the file is not plain.

    Args:
        told: [FIELDS] gets what is told of the file, parts: [3, 6] of its components.
        specs: [4, 272] gets Huffman tables: two of first coefficients, then of the others.
    """
    end, at = len(file), 2
    levels, made = np.zeros(4, np.int64), np.zeros(4, np.bool_)
    while at + 4 <= end:
        mark, size = file[at + 1], _two(file, at + 2)
        first, last = at + 4, at + 2 + size
        if file[at] != 0xFF or size < 2 or last > end:
            return -1
        sound = True
        if mark == 0xDB:
            sound = _quantisation(file, first, last, levels)
        elif mark == 0xC4:
            sound = _huffman(file, first, last, made, specs)
        elif mark == 0xC0 or mark == 0xC1:
            sound = told[PARTS] == 0 and _frame(file, first, last, told, parts)
        elif mark == 0xDD:
            sound = size == 4
            told[RESTART] = _two(file, first) if sound else 0
        elif mark == 0xE0:
            if size >= 7 and file[first] == 74 and file[first + 1] == 70 and told[FORM] == 0:
                told[FORM] = _YCC
        elif mark == 0xEE:
            told[FORM] = _YCC if size == 14 and file[last - 1] == 1 else _UNKNOWN - 1
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
def _huffman(file, at, end, made, specs):
    while at < end:
        kind, number = np.int64(file[at] >> 4), np.int64(file[at] & 15)
        if kind > 1 or number > 1 or at + 17 > end:
            return False
        place, many = 2 * kind + number, np.int64(0)
        for k in range(16):
            many += file[at + 1 + k]
        if many > 256 or at + 17 + many > end:
            return False
        for k in range(SPEC):
            specs[place, k] = file[at + 1 + k] if k < 16 + many else 0
        for k in range(many if kind == 0 else 0):
            if specs[place, 16 + k] > _MOST_FIRST:
                return False
        made[place] = many > 0
        at += 17 + many
    return at == end


@numba.njit(nogil=True, cache=True)
def _frame(file, at, end, told, parts):
    if end - at < 6 or file[at] != 8 or end - at != 6 + 3 * np.int64(file[at + 5]):
        return False
    told[HIGH], told[WIDE], n = _two(file, at + 1), _two(file, at + 3), np.int64(file[at + 5])
    if told[HIGH] == 0 or told[WIDE] == 0 or (n != 1 and n != 3):
        return False
    told[PARTS] = n
    for k in range(n):
        name, sampled, number = file[at + 6 + 3 * k], file[at + 7 + 3 * k], file[at + 8 + 3 * k]
        parts[k, NAME], parts[k, QUANTISED] = name, number
        parts[k, ACROSS], parts[k, DOWN] = sampled >> 4, sampled & 15
        most_across, most_down = parts[0, ACROSS], parts[0, DOWN]
        if number > 3 or max(most_across, most_down) > _MOST_SAMPLING:
            return False
        if not 1 <= parts[k, ACROSS] <= most_across or not 1 <= parts[k, DOWN] <= most_down:
            return False
    return n == 1 or (parts[1, ACROSS] == parts[2, ACROSS] and parts[1, DOWN] == parts[2, DOWN])


@numba.njit(nogil=True, cache=True)
def _scan(file, at, end, told, parts, levels, made):
    n = told[PARTS]
    if n == 0 or end - at != 4 + 2 * n or file[at] != n or (n == 3 and told[FORM] != _YCC):
        return False
    for k in range(n):
        dc, ac = np.int64(file[at + 2 + 2 * k] >> 4), np.int64(file[at + 2 + 2 * k] & 15)
        known = dc < 2 and ac < 2 and file[at + 1 + 2 * k] == parts[k, NAME]
        if not known or not made[dc] or not made[2 + ac] or not levels[parts[k, QUANTISED]]:
            return False
        parts[k, DC], parts[k, AC] = dc, 2 + ac
        parts[k, QUANTISED] = levels[parts[k, QUANTISED]]
    return file[end - 3] == 0 and file[end - 2] == 63 and file[end - 1] == 0


@numba.njit(nogil=True, cache=True)
def units_of(told, parts):
    """Return how many units of blocks lie side by side, and one below another."""
    if told[PARTS] == 1:
        parts[0, ACROSS] = parts[0, DOWN] = 1  # then they are single blocks
    across, down = 8 * parts[0, ACROSS], 8 * parts[0, DOWN]
    return parts_of(told[WIDE], across), parts_of(told[HIGH], down)


@numba.njit(nogil=True, cache=True)
def parts_of(many, size):
    return (many + size - 1) // size


@numba.njit(nogil=True, cache=True)
def _two(file, at):
    return np.int64(file[at]) * 256 + np.int64(file[at + 1])
