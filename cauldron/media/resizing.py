"""Grey levels resized by the bilinear filter of Pillow, to the same values.

With `numba` installed the passes are compiled, which saves more than half of the time for small
pictures. Pillow does what is much reduced, or very high: that it reduces by other steps.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cauldron.compiled import compiled

BITS = 22  # of a share
_GAP = 2.0  # times as large from which Pillow takes means of blocks first

U8 = npt.NDArray[np.uint8]
Shares = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""[m] the first value of each new one, [m] how many, [m, k] the share of each in 2 ** 22."""


def resized(levels: U8, wide: int, high: int) -> U8:
    """Return grey levels, [height, width], at another size, [high, wide]."""
    compiled = _compiled()
    if compiled and _plain(levels.shape, wide, high):
        across, down = _shares(levels.shape[1], wide), _shares(levels.shape[0], high)
        return np.asarray(compiled.resized(levels, *across, *down, True), np.uint8)
    image = as_grey(levels).resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=_GAP)
    return np.asarray(image, dtype=np.uint8)


def squared(levels: U8, side: int) -> U8:
    """Return grey levels at a side along both axes; each value is the mean of its area."""
    if compiled := _compiled():
        return np.asarray(compiled.squared(np.ascontiguousarray(levels), side, BITS), np.uint8)
    image = as_grey(levels).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def as_grey(levels: U8) -> Image.Image:
    """Return grey levels, [height, width], as a picture over the same memory."""
    high, wide = levels.shape
    return Image.frombuffer("L", (wide, high), np.ascontiguousarray(levels), "raw", "L", 0, 1)


def _compiled() -> Any:
    """Return the passes compiled by numba, or None where that cannot be."""
    return compiled("cauldron.media.resizing_compiled")


def _plain(shape: tuple[int, ...], wide: int, high: int) -> bool:
    """Say whether rows are resized before columns, and blocks not reduced first."""
    tall, broad = shape
    small = max(tall / high, broad / wide) < 2 * _GAP
    return small and tall + min(wide, high) <= 2 * broad


@lru_cache(maxsize=512)
def _shares(old: int, new: int) -> Shares:
    """Return what each of `new` values is made of, of `old` ones."""
    if compiled := _compiled():
        first, many, shares = compiled.shares(old, new, BITS)
        return first, many, shares
    scale = old / new
    support = max(scale, 1.0)
    first, many = np.zeros(new, np.int64), np.zeros(new, np.int64)
    shares = np.zeros((new, 2 * math.ceil(support) + 1), np.int32)
    for place in range(new):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), old)
        steps = [abs((k - centre + 0.5) * (1.0 / support)) for k in range(low, high)]
        weights = [max(1.0 - step, 0.0) for step in steps]
        total = sum(weights)
        first[place], many[place] = low, high - low
        shares[place, : high - low] = [int(0.5 + w / total * (1 << BITS)) for w in weights]
    return first, many, shares
