"""Huffman tables of JPEG files, made ready for skipping coefficients; it needs `numba`.

A table is looked up by the next 13 bits. For AC coefficients these tell how many whole symbols,
with the bits of their values, they hold: so several are passed at a time.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

BITS = 13
SPEC = 16 + 256  # counts of codes by their length, symbols
LAST = 16  # bits of the longest code
_MOST = 63  # coefficients that one entry passes


@numba.njit(nogil=True, cache=True)
def put_table(spec, codes, longer, quick):
    """Make a table of a specification; say whether it is sound.

    Args:
        spec: [272] counts of codes of 1 to 16 bits, then symbols.
        codes: [8192] gets the length of the code that begins there, and its symbol << 8; or 0.
        longer: [17, 2] gets for each length the end of its codes, and the place of the symbol of
            code 0.
        quick: [8192] gets bits passed, coefficients passed << 4, and the end of a block << 15; or
            0 where not even one symbol is whole.
    """
    for k in range(1 << BITS):
        codes[k] = 0
    code = place = 0
    for length in range(1, LAST + 1):
        longer[length, 1] = place - code
        for _ in range(spec[length - 1]):
            if code >= 1 << length or place >= 256:
                return False
            if length <= BITS:
                first = code << (BITS - length)
                told = length | np.int32(spec[16 + place]) << 8
                for k in range(first, first + (1 << (BITS - length))):
                    codes[k] = told
            code += 1
            place += 1
        longer[length, 0] = code
        code <<= 1
    _put_quick(codes, quick)
    return True


@numba.njit(nogil=True, cache=True)
def _put_quick(codes, quick):
    for bits in range(1 << BITS):
        done = passed = ended = 0
        while True:
            told = np.int64(codes[(bits << done) & ((1 << BITS) - 1)])
            run, size = told >> 12, (told >> 8) & 15
            many = (told & 31) + size
            if told == 0 or done + many > BITS:
                break
            if size == 0 and run != 15:
                done, ended = done + many, 1
                break
            if passed + run + 1 > _MOST:
                break
            done, passed = done + many, passed + run + 1
        quick[bits] = done | passed << 4 | ended << 15


@numba.njit(nogil=True, cache=True)
def long_code(spec, longer, table, window):
    """Return length and symbol << 8 of a code of more than 13 bits, 0 where there is none."""
    for length in range(BITS + 1, LAST + 1):
        code = np.int64(window >> np.uint64(64 - length))
        if code < longer[table, length, 0]:
            place = code + longer[table, length, 1]
            return np.uint64(length | np.int64(spec[table, 16 + (place & 255)]) << 8)
    return np.uint64(0)
