"""JPEG files decoded by `simplejpeg` where it is installed, no finer than asked for."""

from __future__ import annotations

import io
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from cauldron.media.headers import plain_facts
from cauldron.media.images import damage, inspect, open_rgb
from cauldron.media.limits import LIMITS, Limits

_HELD_BYTES = 32 << 20  # memory for a larger picture is not kept


def small_grey(data: bytes, side: int, limits: Limits = LIMITS) -> npt.NDArray[np.uint8]:
    """Decode the first frame to upright grey levels, both sides at least `side` where it has them.

    Raises:
        ImageError: as `media.images.open_rgb`.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return np.asarray(open_rgb(data, limits).convert("L"))
    plain = plain_facts(data, limits)
    if plain is None:
        inspect(data, limits)
    elif not plain.exif:
        pixels = _decoded(data, "GRAY", min_height=side, min_width=side)
        if pixels is not None:
            return pixels[:, :, 0]
    return np.asarray(_drafted(data, side))


def jpeg_pixels(data: bytes, limits: Limits = LIMITS) -> npt.NDArray[np.uint8] | None:
    """Decode an ordinary upright JPEG: [height, width, 4], the fourth value is 255.

    The values are those of `media.images.open_rgb`. They hold until the next call in this thread:
    the memory is used again, since to get it anew takes as long as to decode. None without
    `simplejpeg`, and for whatever is not plain: `open_rgb` opens it or says what is wrong.
    """
    plain = plain_facts(data, limits) if data.startswith(b"\xff\xd8\xff") else None
    if plain is None or plain.exif:
        return None
    return _decoded(data, "RGBA", buffer=_held(4 * plain.width * plain.height))


_memory = threading.local()


def _held(size: int) -> npt.NDArray[np.uint8]:
    """Return memory of at least a size; the same again up to a bound."""
    if size > _HELD_BYTES:
        return np.empty(size, np.uint8)
    held = getattr(_memory, "held", None)
    if held is None or held.size < size:
        held = _memory.held = np.empty(size, np.uint8)
    return np.asarray(held)


def _decoded(data: bytes, form: str, **how: Any) -> npt.NDArray[np.uint8] | None:
    """Decode a JPEG by `simplejpeg`; None where Pillow has to."""
    fast = _simplejpeg()
    try:
        if fast and fast.decode_jpeg_header(data)[2] in ("YCbCr", "Gray"):
            return np.asarray(fast.decode_jpeg(data, form, **how))
    except ValueError:
        pass  # Pillow says what is wrong
    return None


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
