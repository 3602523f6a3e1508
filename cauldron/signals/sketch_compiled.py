"""The pass of `sketch` over the bytes of texts, compiled by numba; it needs `numba`."""

from __future__ import annotations

import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np

from cauldron.signals import sketch as plain

_SEED, _STEP, _MIX = np.uint64(plain._SEED), np.uint64(plain._STEP), np.uint64(plain._MIX)
_C0, _C1, _C2, _C3, _C4 = (np.uint64(c) for c in plain._PLACE)
_LAST, _HALF, _BIN, _BYTE = np.uint64(plain._LAST), np.uint64(32), np.uint64(57), np.uint64(8)
_BLANK, _WORD_BYTES, _NONE = plain._BLANK, plain._WORD_BYTES, np.uint64(0)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def fill(buffer, offsets, bins):  # type: ignore[no-untyped-def]
    """Put the smallest shingle of each bin into `bins`, as `sketch._fill` does."""
    for text in range(len(offsets) - 1):
        w0 = w1 = w2 = w3 = _NONE
        words = size = 0
        value, held, shift = _SEED, _NONE, _NONE
        for place in range(offsets[text], offsets[text + 1]):
            byte = buffer[place]
            if byte > _BLANK:
                if size < _WORD_BYTES:
                    held |= np.uint64(byte) << shift
                    shift += _BYTE
                    if shift == np.uint64(64):
                        value = (value ^ held) * _STEP
                        value ^= value >> _LAST
                        held, shift = _NONE, _NONE
                size += 1
                continue
            if size == 0:
                continue
            if shift != _NONE:
                value = (value ^ held) * _STEP
                value ^= value >> _LAST
            w4 = (value ^ np.uint64(size)) * _STEP
            words += 1
            if words >= 5:
                mixed = w0 * _C0 + w1 * _C1 + w2 * _C2 + w3 * _C3 + w4 * _C4
                mixed ^= mixed >> _HALF
                mixed *= _MIX
                mixed ^= mixed >> _LAST
                number = np.uint32(mixed & np.uint64(0xFFFFFFFF))
                bin_ = mixed >> _BIN
                if number < bins[text, bin_]:
                    bins[text, bin_] = number
            w0, w1, w2, w3 = w1, w2, w3, w4
            size = 0
            value, held, shift = _SEED, _NONE, _NONE
