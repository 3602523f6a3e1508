"""Huffman tables of JPEG files, made ready for skipping coefficients; it needs `numba`.

A table is looked up by the next 11 bits. For a block these tell how many whole symbols, with the
bits of their values, begin there: so several are passed at a time.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

BITS = 11
SPAN = 1 << BITS
SPEC = 16 + 256  # counts of codes by their length, symbols
LAST = 16  # bits of the longest code
_MOST = 63  # coefficients that one step passes

# a step: bits passed, flags, coefficients passed from bit 9 on
ENDS, GOES_ON, PASSED, ODD = 1 << 6, 1 << 7, 9, 64 << 9
FIRST, OTHERS, LONG, STEPS = 0, SPAN, 2 * SPAN, 4 * SPAN  # tables of steps of a kind of blocks


@numba.njit(nogil=True, cache=True)
def put_codes(spec, codes, longer):
    """Make a table of a specification; say whether it is sound.

    Args:
        spec: [272] counts of codes of 1 to 16 bits, then symbols.
        codes: [2048] gets the length of the code that begins there, and its symbol << 8; or 0.
        longer: [17, 2] gets for each length the end of its codes, and the place of the symbol of
            code 0.
    """
    for k in range(SPAN):
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
    return True


@numba.njit(nogil=True, cache=True)
def long_code(spec, longer, window):
    """Return length and symbol << 8 of a code of more than 11 bits, 0 where there is none.

    Args:
        window: 64 bits that begin with the code.
    """
    for length in range(BITS + 1, LAST + 1):
        code = np.int64(window >> np.uint64(64 - length))
        if code < longer[length, 0]:
            place = code + longer[length, 1]
            return np.uint64(length | np.int64(spec[16 + (place & 255)]) << 8)
    return np.uint64(0)


@numba.njit(nogil=True, cache=True)
def put_steps(first, others, spec, longer, steps):
    """Make the steps through blocks of one kind.

    Each table is looked up by the next 11 bits: at the first coefficient of a block, at the others,
    and behind the bits that all codes of the others of more than 11 bits begin with.

    Args:
        first, others: `codes` of the first coefficient and of the others.
        spec, longer: of the others.
        steps: [4 * 2048] gets steps; ODD where `one_step` has to look.
    """
    begin, ones = longer[BITS, 0], 0
    while ones < BITS and (begin >> (BITS - 1 - ones)) & 1:
        ones += 1
    within = LAST - BITS <= ones < BITS  # all that begins with these bits can be told by 11 more
    for bits in range(SPAN):
        told = np.int64(first[bits])
        steps[FIRST + bits] = ODD
        if told:
            steps[FIRST + bits] = _step(others, bits, (told & 31) + (told >> 8), 1)
        steps[OTHERS + bits] = _step(others, bits, 0, 0) or ODD
        if within and bits >= begin:
            steps[OTHERS + bits] = ones | GOES_ON
        steps[LONG + bits] = ODD
        steps[LONG + SPAN + bits] = ODD
    code = begin << 1
    for length in range(BITS + 1, LAST + 1):
        rest = length - ones
        for own in range(code if within else longer[length, 0], longer[length, 0]):
            symbol = np.int64(spec[16 + ((own + longer[length, 1]) & 255)])
            at = LONG + ((own & ((1 << rest) - 1)) << (BITS - rest))
            for k in range(at, at + (1 << (BITS - rest))):
                steps[k] = single_step(rest, symbol)
        code = longer[length, 0] << 1


@numba.njit(nogil=True, cache=True)
def _step(codes, bits, done, passed):
    """Return the step over all symbols that begin within 11 bits; those before are done."""
    while done < BITS:
        told = np.int64(codes[(bits << done) & (SPAN - 1)])
        length, run, size = told & 31, told >> 12, (told >> 8) & 15
        if told == 0 or done + length > BITS:
            break
        if size == 0 and run != 15:
            return (done + length) | passed << PASSED | ENDS
        if passed + run + 1 > _MOST:
            break
        done, passed = done + length + size, passed + run + 1
    return done | passed << PASSED


@numba.njit(nogil=True, cache=True)
def single_step(length, symbol):
    """Return the step over one symbol, not the first of a block, whose code has some bits."""
    run, size = symbol >> 4, symbol & 15
    if size == 0 and run != 15:
        return length | ENDS
    return (length + size) | (run + 1) << PASSED


@numba.njit(nogil=True, cache=True)
def one_step(passed, told):
    """Return a step over one symbol as it ends a block that has all its coefficients; 0: none.

    Args:
        passed: coefficients of the block up to here.
        told: length and symbol << 8 of its code, or 0.
    """
    if told == 0:
        return np.int64(0)
    length, symbol = told & 31, told >> 8
    if passed == 0:
        return (length + symbol) | 1 << PASSED
    step = single_step(length, symbol)
    then = passed + (step >> PASSED)
    if step & ENDS or then < 64:
        return step
    return (step & 63) | ENDS if then == 64 else np.int64(0)
