"""JPEG files decoded no finer than asked for, by `simplejpeg` where it is installed.

With `numba` installed an eighth of the size needs no decoder: see `eighth_compiled`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from cauldron.compiled import compiled
from cauldron.media.headers import plain_facts
from cauldron.media.images import damage, inspect, open_rgb
from cauldron.media.limits import LIMITS, Limits

LEAST_SIDE = 48  # of planes that looks are made of: a JPEG of 8 times that is read by its blocks
EIGHTH = 8
_SHORTEST = 96  # pixels of the shorter side of a small picture that is reduced
_HELD_BYTES = 32 << 20  # memory for a larger picture is not kept
_JPEG = b"\xff\xd8\xff"

U8 = npt.NDArray[np.uint8]
Planes = tuple[U8, U8, U8]
"""Grey levels, and how far blue and red differ from them, 128 for not at all; their sizes differ.

The latter are of no pixel where a picture is grey.
"""


def small_grey(data: bytes, side: int, limits: Limits = LIMITS) -> U8:
    """Decode the first frame to upright grey levels, both sides at least `side` where it has them.

    Raises:
        ImageError: as `media.images.open_rgb`.
    """
    planes = eighth(data, side, limits)
    if planes is not None:
        return planes[0]
    if not data.startswith(_JPEG):
        return np.asarray(open_rgb(data, limits).convert("L"))
    if _is_plain(data, limits):
        pixels = _decoded(data, "GRAY", min_height=side, min_width=side)
        if pixels is not None:
            return pixels[:, :, 0]
    return np.asarray(_drafted(data, side, "L").convert("L"))


def small_planes(data: bytes, side: int, limits: Limits = LIMITS) -> Planes:
    """Decode the first frame to upright planes, as `small_grey`.

    Raises:
        ImageError: as `media.images.open_rgb`.
    """
    planes = eighth(data, side, limits)
    if planes is not None:
        return planes
    if not data.startswith(_JPEG):
        return planes_of(open_rgb(data, limits))
    if _is_plain(data, limits):
        pixels = _decoded(data, "RGB", min_height=side, min_width=side)
        if pixels is not None:
            return planes_of(Image.fromarray(pixels))
    return planes_of(_drafted(data, side, "RGB"))


def planes_of(image: Image.Image) -> Planes:
    """Return the planes of a picture at an eighth, as of a JPEG; of a small one less reduced."""
    shorter = min(image.size)
    factor = EIGHTH if shorter > EIGHTH * (LEAST_SIDE - 1) else shorter // _SHORTEST
    small = image.reduce(factor) if factor > 1 else image
    grey, blue, red = small.convert("RGB").convert("YCbCr").split()
    return np.asarray(grey), np.asarray(blue), np.asarray(red)


def _is_plain(data: bytes, limits: Limits) -> bool:
    """Say whether a JPEG is ordinary and upright as it is stored.

    Raises:
        ImageError: as `media.images.inspect`.
    """
    plain = plain_facts(data, limits)
    if plain is None:
        inspect(data, limits)
    return plain is not None and not plain.exif


def eighth(data: bytes, side: int, limits: Limits = LIMITS) -> Planes | None:
    """Return an eighth of a plain JPEG whose shorter side then has `side` pixels, else None."""
    compiled = compiled_eighth()
    if not compiled or not data.startswith(_JPEG):
        return None
    for _, _, read in eighths([data], side, limits):
        grey, blue, red = compiled.planes_of(0, *read)
        return (grey, blue, red) if grey.size else None
    return None


def eighths(
    pictures: Sequence[bytes], side: int, limits: Limits = LIMITS
) -> Iterator[tuple[int, int, Any]]:
    """Yield from which file to which were read by their blocks, and what `planes_of` takes."""
    compiled = compiled_eighth()
    tables = getattr(_memory, "tables", None)
    if tables is None:
        tables = _memory.tables = compiled.memory()
    held = np.frombuffer(b"".join(pictures), np.uint8)
    sizes = np.fromiter(map(len, pictures), np.int64, len(pictures))
    least = EIGHTH * (side - 1) + 1
    bounds = limits.max_image_bytes, least, limits.max_pixels, limits.max_side
    starts, first = np.cumsum(sizes) - sizes, 0
    while first < len(pictures):
        last, *read = compiled.eighths(held, starts, sizes, tables, first, bounds)
        yield first, last, read
        first = last


def compiled_eighth() -> Any:
    """Return the reading of blocks compiled by numba, or None where that cannot be."""
    return compiled("cauldron.media.eighth_compiled")


def jpeg_pixels(data: bytes, limits: Limits = LIMITS) -> U8 | None:
    """Decode an ordinary upright JPEG: [height, width, 4], the fourth value is 255.

    The values are those of `media.images.open_rgb`. They hold until the next call in this thread:
    the memory is used again, since to get it anew takes as long as to decode. None without
    `simplejpeg`, and for whatever is not plain: `open_rgb` opens it or says what is wrong.
    """
    plain = plain_facts(data, limits) if data.startswith(_JPEG) else None
    if plain is None or plain.exif:
        return None
    return _decoded(data, "RGBA", buffer=_held(4 * plain.width * plain.height, "pixels"))


_memory = threading.local()


def _held(size: int, name: str) -> U8:
    """Return memory of at least a size; under one name the same again up to a bound."""
    if size > _HELD_BYTES:
        return np.empty(size, np.uint8)
    held = getattr(_memory, name, None)
    if held is None or held.size < size:
        held = np.empty(size, np.uint8)
        setattr(_memory, name, held)
    return np.asarray(held)


def _decoded(data: bytes, form: str, **how: Any) -> U8 | None:
    """Decode a JPEG by `simplejpeg`; None where Pillow has to."""
    fast = _simplejpeg()
    try:
        if fast and fast.decode_jpeg_header(data)[2] in ("YCbCr", "Gray"):
            return np.asarray(fast.decode_jpeg(data, form, **how))
    except ValueError:
        pass  # Pillow says what is wrong
    return None


def _drafted(data: bytes, side: int, mode: str) -> Image.Image:
    with damage("image_truncated"), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft(mode, (side, side))
        upright = ImageOps.exif_transpose(image)
        upright.load()
        return upright


@cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg
