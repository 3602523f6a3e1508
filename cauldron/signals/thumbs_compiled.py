"""The look of a JPEG in one pass compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba

from cauldron.media.eighth_compiled import eighth
from cauldron.media.resizing_compiled import squared


@numba.njit(nogil=True, cache=True)
def put_look(file, clean, tables, least, most_pixels, most_side, bits, side, tints, out):
    """Write the look of a plain JPEG as `thumbs.look_of_planes` does; say whether it is plain.

    Args:
        file, clean, tables, least, most_pixels, most_side: as `eighth_compiled.eighth` takes them.
        bits: of a share, in resizing.
        side, tints: sides of the grey levels and of the tints.
    """
    grey, blue, red = eighth(file, clean, tables, least, most_pixels, most_side)
    if grey.size == 0:
        return False
    _put(squared(grey, side, bits), 0, out)
    if blue.size:
        _put(squared(blue, tints, bits), side * side, out)
        _put(squared(red, tints, bits), side * side + tints * tints, out)
    else:
        for place in range(side * side, len(out)):
            out[place] = 128
    return True


@numba.njit(nogil=True, cache=True)
def _put(plane, at, out):
    high, wide = plane.shape
    for y in range(high):
        for x in range(wide):
            out[at + y * wide + x] = plane[y, x]
