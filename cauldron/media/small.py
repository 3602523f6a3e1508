"""Pictures as grey levels at reduced scale: a JPEG is decoded no finer than asked for."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image, ImageOps

from cauldron.media.headers import plain_facts
from cauldron.media.images import damage, inspect, open_rgb
from cauldron.media.limits import LIMITS, Limits


def small_grey(data: bytes, side: int, limits: Limits = LIMITS) -> Image.Image:
    """Decode the first frame to upright grey levels, both sides at least `side` where it has them.

    With `simplejpeg` installed ordinary JPEG files are decoded by it, which lets threads work side
    by side.

    Raises:
        ImageError: as `media.images.open_rgb`.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return open_rgb(data, limits).convert("L")
    plain, fast = plain_facts(data, limits), _simplejpeg()
    if plain is None:
        inspect(data, limits)
    elif fast and not plain.exif:
        try:
            if fast.decode_jpeg_header(data)[2] in ("YCbCr", "Gray"):
                pixels = fast.decode_jpeg(data, "GRAY", min_height=side, min_width=side)
                return Image.fromarray(pixels[:, :, 0])
        except ValueError:
            pass  # Pillow says what is wrong
    return _drafted(data, side)


def _drafted(data: bytes, side: int) -> Image.Image:
    with damage("image_truncated"), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft("L", (side, side))
        return ImageOps.exif_transpose(image).convert("L")


@cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg
