"""How pictures look: 64 x 64 grey levels and 8 x 8 tints, and perceptual hashes of the former.

Near copies of a picture have near hashes, but so have pictures of one look: charts, pages, puzzles.
The look is what tells most of them apart without opening the picture again. With `numba` installed
that of a plain JPEG is made in one compiled pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.compiled import compiled
from cauldron.media.limits import LIMITS, Limits
from cauldron.media.resizing import BITS, squared
from cauldron.media.small import LEAST_SIDE, Planes, eighths, small_planes

THUMB_SIDE, TINT_SIDE = 64, 8
GREY_BYTES = THUMB_SIDE**2
LOOK_BYTES = GREY_BYTES + 2 * TINT_SIDE**2
_NO_TINT = 128
_COARSE, _FINE = 8, 16
_BATCH = 256  # thumbnails hashed at a time: they stay in the cache

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


def look_of(data: bytes, limits: Limits = LIMITS) -> U8:
    """Return how an encoded picture looks, [4224]: see `looks_of_files`."""
    look: U8 = looks_of_files([data], limits)[0]
    return look


def looks_of_files(pictures: Sequence[bytes], limits: Limits = LIMITS) -> U8:
    """Return how encoded pictures look, [n, 4224]; a JPEG is read no finer than that takes.

    Of several files at a time the blocks are read side by side, which takes less than one by one.

    Raises:
        ImageError: as `media.images.open_rgb`.
    """
    out: U8 = np.empty((len(pictures), LOOK_BYTES), np.uint8)
    plain = np.zeros(len(pictures), bool)
    if compiled := _compiled():
        sides = BITS, THUMB_SIDE, TINT_SIDE
        for first, last, read in eighths(pictures, LEAST_SIDE, limits):
            compiled.put_looks(*read, *sides, out[first:last], plain[first:last])
    for number in np.flatnonzero(~plain).tolist():
        out[number] = look_of_planes(small_planes(pictures[number], LEAST_SIDE, limits))
    return out


def _compiled() -> Any:
    """Return the pass compiled by numba, or None where that cannot be."""
    return compiled("cauldron.signals.thumbs_compiled")


def look_of_planes(planes: Planes) -> U8:
    """Return how a picture looks: each value is the mean of its area."""
    grey, *tints = planes
    made = [squared(tint, TINT_SIDE) if tint.size else _flat_tint() for tint in tints]
    return np.concatenate([p.ravel() for p in (squared(grey, THUMB_SIDE), *made)])


def _flat_tint() -> U8:
    return np.full((TINT_SIDE, TINT_SIDE), _NO_TINT, np.uint8)


def greys(looks: U8) -> U8:
    """Return the grey levels of looks, [n, 4224], as [n, 64, 64]."""
    return looks[:, :GREY_BYTES].reshape(-1, THUMB_SIDE, THUMB_SIDE)


def tints(looks: U8) -> U8:
    """Return how far blue and red differ from grey, [n, 2, 8, 8], 128 for not at all."""
    return looks[:, GREY_BYTES:].reshape(-1, 2, TINT_SIDE, TINT_SIDE)


def looks_of_grey(thumbs: U8) -> U8:
    """Return grey levels, [n, 64, 64], as looks without a tint."""
    flat = np.full((len(thumbs), LOOK_BYTES - GREY_BYTES), _NO_TINT, np.uint8)
    return np.concatenate([thumbs.reshape(len(thumbs), -1), flat], axis=1)


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
