"""The looks of JPEG files in passes compiled by numba; it needs `numba`."""

# mypy: ignore-errors
from __future__ import annotations

import numba

from cauldron.media.eighth_compiled import planes_of
from cauldron.media.resizing_compiled import squared


@numba.njit(nogil=True, cache=True)
def put_looks(told, components, planes, bits, side, tints, out, plain):
    """Write the looks of plain JPEG files as `thumbs.look_of_planes` does; say which are plain.

    Args:
        told, components, planes: as `eighth_compiled.eighths` returns them.
        bits: of a share, in resizing.
        side, tints: sides of the grey levels and of the tints.
        out, plain: [n, 4224] and [n] get what is told of each file.
    """
    n = side * side
    for number in range(len(out)):
        grey, blue, red = planes_of(number, told, components, planes)
        plain[number] = grey.size > 0
        if not plain[number]:
            continue
        _put(squared(grey, side, bits), 0, out[number])
        if blue.size:
            _put(squared(blue, tints, bits), n, out[number])
            _put(squared(red, tints, bits), n + tints * tints, out[number])
        else:
            for place in range(n, out.shape[1]):
                out[number, place] = 128


@numba.njit(nogil=True, cache=True)
def _put(plane, at, out):
    high, wide = plane.shape
    for y in range(high):
        for x in range(wide):
            out[at + y * wide + x] = plane[y, x]
