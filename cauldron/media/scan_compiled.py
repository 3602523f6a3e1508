"""The coded blocks of JPEG files passed, but for their first coefficients; it needs `numba`.

Where a symbol ends is known when it has been looked up, so one symbol waits for another. Two parts
of files are read side by side for that: while one waits the other goes on. And nothing but what is
rare is a branch: the place of the next look-up is counted, not chosen.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.huffman_compiled import (
    BITS,
    ENDS,
    GOES_ON,
    LONG,
    OTHERS,
    PASSED,
    SPAN,
    STEPS,
    long_code,
    one_step,
)

KINDS = 8  # of blocks for which steps are held
IDLE = KINDS * STEPS  # steps that pass nothing
BEHIND = 64  # readable bytes behind the coded ones
FAILED = 1 << 62
_ENDS_AT, _ON_BY = np.uint64(6), np.uint64(BITS - 7)
assert ENDS == 1 << 6 and GOES_ON == 1 << 7 and LONG - OTHERS == SPAN

# places in what is told of a part: its bits from one to another, its first block, where that ends
START, END, BLOCK, ENDED = range(4)


@numba.njit(nogil=True, cache=True)
def window_at(clean, bit):
    """Return 64 bits, of which the first 57 are those from a bit on."""
    at, one = bit >> np.uint64(3), np.uint64(1)
    held = np.uint64(clean[at])
    for _ in range(7):
        at += one
        held = held << np.uint64(8) | np.uint64(clean[at])
    return held << (bit & np.uint64(7))


@numba.njit(nogil=True, cache=True, inline="always")
def _looked(clean, bit, passed, base, tables):
    """Return a step over one symbol where `steps` has none, 0 where the file is damaged."""
    specs, codes, longer, steps = tables[:4]
    window = window_at(clean, bit)
    here, kind = window >> np.uint64(64 - BITS), base // np.uint64(STEPS)
    if base % np.uint64(STEPS) >= np.uint64(LONG):  # behind the first bits of a long code
        step = np.int64(steps[base + here])
        last = (step & 63) > 0 and np.int64(passed) + (step >> PASSED) == 64
        return np.uint64((step & 63) | ENDS) if last else np.uint64(0)
    table = np.uint64(2) * kind + np.uint64(passed > 0)
    told = np.uint64(codes[table, here]) or long_code(specs[table], longer[table], window)
    return np.uint64(one_step(np.int64(passed), np.int64(told)))


@numba.njit(nogil=True, cache=True)
def _gone(blocks, block, step, passed):
    """Return where a step leads: the steps to look up, coefficients passed, block, place to put."""
    two = np.uint64(2)
    over = np.uint64(0) - ((step >> _ENDS_AT) & np.uint64(1))  # all bits where the block is over
    next_block, same = np.uint64(blocks[block + two]), np.uint64(blocks[block + np.uint64(1)])
    same += (step & np.uint64(GOES_ON)) << _ON_BY
    block += over & two
    return same + (over & (next_block - same)), passed & ~over, block, block & over


@numba.njit(nogil=True, cache=True, inline="always")
def _past(clean, blocks, bit, base, passed, block, put, tables):
    """Return where one symbol leads that `steps` does not tell: all that changes."""
    step = _looked(clean, bit, passed, base, tables)
    blocks[put] = window_at(clean, bit) >> np.uint64(32)
    bit = bit + (step & np.uint64(63)) if step else np.uint64(FAILED)
    passed += step >> np.uint64(PASSED)
    base, passed, block, put = _gone(blocks, block, step, passed)
    return bit, base, passed, block, put


@numba.njit(nogil=True, cache=True)
def _next(parts, part, bit, following):
    """Note where a part ended; return the next to be read, -1 for none, and the one behind it."""
    if part >= 0:
        parts[part, ENDED] = np.int64(bit)
    return (following, following + 1) if following < len(parts) else (-1, following)


@numba.njit(nogil=True, cache=True)
def _begun(parts, blocks, part):
    """Return the bits from one to another, the steps and the first block of a part."""
    if part < 0:
        return np.uint64(0), np.uint64(0), np.uint64(IDLE), np.uint64(0)
    block = np.uint64(parts[part, BLOCK])
    bits = np.uint64(parts[part, START]), np.uint64(parts[part, END])
    return bits[0], bits[1], np.uint64(blocks[block]), block


@numba.njit(nogil=True, cache=True)
def scanned(clean, parts, blocks, tables):
    """Pass all blocks of some parts of files.

    Args:
        clean: the coded bytes without stuffed ones, and `BEHIND` more.
        parts: [n, 4] START, END and BLOCK of each; ENDED gets the bit behind its last block, or
            `FAILED`.
        blocks: of two values each: the steps at its first coefficient, for which come the 32 bits
            that it begins with, and those at the others. Behind the blocks of a part there is one
            of `IDLE` steps; so is the first of all, and two more are the last.
    """
    steps, none, wrong = tables[3], np.uint64(0), np.uint64(64)
    low, lead, half, coefficients = np.uint64(63), np.uint64(64 - BITS), np.uint64(32), np.uint64(9)
    idle, following = np.uint64(IDLE), 0
    bit_a = bit_b = end_a = end_b = passed_a = passed_b = block_a = block_b = put_a = put_b = none
    base_a = base_b = idle
    then_a = then_b = none
    part_a = part_b = -1
    while True:
        if then_a & wrong:
            bit_a, base_a, passed_a, block_a, put_a = _past(
                clean, blocks, bit_a, base_a, passed_a, block_a, put_a, tables
            )
        if then_b & wrong:
            bit_b, base_b, passed_b, block_b, put_b = _past(
                clean, blocks, bit_b, base_b, passed_b, block_b, put_b, tables
            )
        if base_a >= idle or bit_a > end_a:
            part_a, following = _next(parts, part_a, bit_a, following)
            bit_a, end_a, base_a, block_a = _begun(parts, blocks, part_a)
            passed_a, put_a = none, block_a
        if base_b >= idle or bit_b > end_b:
            part_b, following = _next(parts, part_b, bit_b, following)
            bit_b, end_b, base_b, block_b = _begun(parts, blocks, part_b)
            passed_b, put_b = none, block_b
        if part_a < 0 and part_b < 0:
            return
        window_a, window_b = window_at(clean, bit_a), window_at(clean, bit_b)
        for _ in range(2):  # of no more than 28 bits each
            step_a = np.uint64(steps[base_a + (window_a >> lead)])
            step_b = np.uint64(steps[base_b + (window_b >> lead)])
            then_a = passed_a + (step_a >> coefficients)
            then_b = passed_b + (step_b >> coefficients)
            if (then_a | then_b) & wrong:
                break
            blocks[put_a], blocks[put_b] = window_a >> half, window_b >> half
            window_a, window_b = window_a << (step_a & low), window_b << (step_b & low)
            bit_a, bit_b = bit_a + (step_a & low), bit_b + (step_b & low)
            base_a, passed_a, block_a, put_a = _gone(blocks, block_a, step_a, then_a)
            base_b, passed_b, block_b, put_b = _gone(blocks, block_b, step_b, then_b)
