"""Thumbnails of 64 x 64 grey levels, and the perceptual hashes of their low frequencies.

Near copies of a picture have near hashes, but so have pictures of one look: charts, pages, puzzles.
The thumbnail is what tells them apart without opening the picture again.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from cauldron.media.resizing import resized

THUMB_SIDE = 64
_COARSE, _FINE = 8, 16
_BATCH = 256  # thumbnails hashed at a time: they stay in the cache

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


def thumbnail(levels: U8) -> U8:
    """Return grey levels as [64, 64] uint8: each value is the mean of its area."""
    return resized(levels, THUMB_SIDE, THUMB_SIDE)


@cache
def _basis() -> npt.NDArray[np.float64]:
    """Return the first 16 rows of the DCT-II of length 64: [16, 64]."""
    rows = np.arange(_FINE)[:, None]
    return np.cos(np.pi * rows * (2 * np.arange(THUMB_SIDE)[None, :] + 1) / (2 * THUMB_SIDE))


def thumb_hashes(thumbs: U8) -> tuple[U64, U64]:
    """Return the 256-bit hashes, [n, 4] uint64, and the 64-bit hashes, [n] uint64, of thumbnails.

    A bit says whether a coefficient of the DCT lies above the median of all.

    Args:
        thumbs: [n, 64, 64] uint8.
    """
    fine, coarse = np.zeros((len(thumbs), 32), np.uint8), np.zeros((len(thumbs), 8), np.uint8)
    basis = _basis()
    for start in range(0, len(thumbs), _BATCH):
        batch = slice(start, start + _BATCH)
        found = np.round(basis @ thumbs[batch].astype(np.float64) @ basis.T, 6)
        fine[batch] = _bits(found.reshape(-1, _FINE * _FINE))
        coarse[batch] = _bits(found[:, :_COARSE, :_COARSE].reshape(-1, _COARSE * _COARSE))
    return fine.view(np.uint64), coarse.view(">u8")[:, 0].astype(np.uint64)


def _bits(coefficients: npt.NDArray[np.float64]) -> U8:
    return np.packbits(coefficients > np.median(coefficients, axis=1, keepdims=True), axis=1)
