"""The pass of `text` over characters, compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

_ODD, _MIX, _HALF = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 32))


@numba.njit(nogil=True, cache=True)
def kind_counts(letters, bounds, kinds, field, word):
    """Return special characters, digits, marks and runs of word characters of texts: [4, n]."""
    out = np.zeros((4, len(bounds) - 1), np.int64)
    mask = (1 << field) - 1
    for text in range(len(bounds) - 1):
        special = digits = marks = runs = 0
        within = False
        for place in range(bounds[text], bounds[text + 1]):
            kind = kinds[letters[place]]
            special += kind & mask
            digits += (kind >> field) & mask
            marks += (kind >> 2 * field) & mask
            inside = kind >= word
            runs += inside and not within
            within = inside
        out[0, text], out[1, text], out[2, text], out[3, text] = special, digits, marks, runs
    return out


@numba.njit(nogil=True, cache=True)
def repetition(letters, bounds, n, longest):
    """Return what `text.character_repetition` does, by a table of the n-grams of each text."""
    out = np.zeros(len(bounds) - 1)
    last = np.uint64(1)
    for _ in range(n):
        last *= _ODD
    size = 64
    held, counts = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for text in range(len(bounds) - 1):
        first, end = bounds[text], min(bounds[text + 1], bounds[text] + longest)
        grams = end - first - n + 1
        if grams <= 0:
            continue
        while size < 2 * grams:
            size *= 2
            held, counts = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        used = 64
        while used < 2 * grams:
            used *= 2
        mask = np.uint64(used - 1)
        counts[:used] = 0
        rolled, distinct = np.uint64(0), 0
        for place in range(first, end):
            rolled = rolled * _ODD + np.uint64(letters[place])
            if place - first >= n:
                rolled -= last * np.uint64(letters[place - n])
            if place - first < n - 1:
                continue
            mixed = rolled * _MIX
            mixed ^= mixed >> _HALF
            at = mixed & mask
            while counts[at] and held[at] != mixed:
                at = (at + np.uint64(1)) & mask
            distinct += counts[at] == 0
            held[at] = mixed
            counts[at] += 1
        repeated = np.sort(counts[:used][counts[:used] > 1])
        top = min(int(np.sqrt(distinct)), len(repeated))
        out[text] = repeated[len(repeated) - top :].sum() / grams
    return out
