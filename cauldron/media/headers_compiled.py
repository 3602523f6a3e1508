"""The look at headers of `headers` over many JPEG files, compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.headers import JPEG_FRAMES, JPEG_TABLES, PROGRESSIVE

_OTHER, _TABLE, _FRAME, _QUANTISES, _SCAN, _EXIF = range(6)
_KINDS = np.zeros(256, np.uint8)
_KINDS[list(JPEG_TABLES)] = _TABLE
_KINDS[list(JPEG_FRAMES)] = _FRAME
_KINDS[[0xDB, 0xDA, 0xE1]] = _QUANTISES, _SCAN, _EXIF
_MPF = 0xE2


@numba.njit(nogil=True, cache=True)
def sides(octets, starts, sizes, most_bytes, most_pixels, most_side):
    """Return width and height, [2, n], of those files that `headers` finds plain, without EXIF.

    Those of all others, which must be looked at closer, are 0; also where one scan does not hold
    all of a picture.

    Args:
        octets: what all files lie in; starts, sizes: [n] where each does.
    """
    out = np.zeros((2, len(starts)), np.int64)
    for number in range(len(starts)):
        if sizes[number] <= most_bytes:
            file = octets[starts[number] : starts[number] + sizes[number]]
            wide, high = _sides(file)
            if wide * high <= most_pixels and max(wide, high) <= most_side:
                out[0, number], out[1, number] = wide, high
    return out


@numba.njit(nogil=True, cache=True)
def _sides(file):
    end = len(file)
    none = (np.int64(0), np.int64(0))
    if end < 5 or file[0] != 0xFF or file[1] != 0xD8 or file[2] != 0xFF:
        return none
    if file[end - 2] != 0xFF or file[end - 1] != 0xD9:
        return none
    at, quantised, wide, high, parts = 2, False, np.int64(0), np.int64(0), np.int64(0)
    while at <= end - 4:
        size = _two(file, at + 2)
        kind, mark = _KINDS[file[at + 1]], file[at + 1]
        if file[at] != 0xFF or size < 2 or kind in (_OTHER, _EXIF):
            return none
        if kind == _SCAN:
            whole = quantised and at + 2 + size <= end and wide > 0 and high > 0
            return (wide, high) if whole and size >= 6 + 2 * parts else none
        if kind == _QUANTISES:
            quantised = _quantises(file, at + 4, min(at + 2 + size, end))
            if not quantised:
                return none
        elif kind == _FRAME:
            if wide or at + 10 > end or mark == PROGRESSIVE:
                return none
            high, wide, parts = _two(file, at + 5), _two(file, at + 7), np.int64(file[at + 9])
            known = parts == 1 or parts == 3 or parts == 4
            if file[at + 4] != 8 or not known or size != 8 + 3 * parts or not wide or not high:
                return none
        elif mark == _MPF and at + 8 <= end and _says_mpf(file, at + 4):
            return none
        at += 2 + size
    return none


@numba.njit(nogil=True, cache=True)
def _two(file, at):
    return np.int64(file[at]) * 256 + np.int64(file[at + 1])


@numba.njit(nogil=True, cache=True)
def _says_mpf(file, at):
    return file[at] == 77 and file[at + 1] == 80 and file[at + 2] == 70 and file[at + 3] == 0


@numba.njit(nogil=True, cache=True)
def _quantises(file, at, end):
    while at < end:
        precision, number = file[at] // 16, file[at] % 16
        if precision > 1 or number > 3:
            return False
        at += 1 + 64 * (1 + np.int64(precision))
    return at == end
