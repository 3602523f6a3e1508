"""Picture signals: what the header says, and what the pixels say of a picture decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from PIL import Image

from cauldron.compiled import compiled
from cauldron.media.images import ImageError, UprightFacts, open_rgb, upright_facts
from cauldron.media.limits import LIMITS
from cauldron.media.resizing import as_grey
from cauldron.media.small import EIGHTH, LEAST_SIDE, Planes, jpeg_pixels, planes_of
from cauldron.signals.thumbs import (
    LOOK_BYTES,
    U8,
    greys,
    look_of_planes,
    thumb_hashes,
)
from cauldron.storage.index import PictureViews

_BAND = 4  # grey levels to either side that count as one colour


F64 = npt.NDArray[np.float64]


def header_signals(pictures: Sequence[bytes | memoryview]) -> dict[str, Any]:
    """Read headers; a picture that has none has no format and no sides."""
    width, height = plain_sides(pictures)
    rest = np.flatnonzero(width == 0).tolist()
    formats, orientation = ["JPEG"] * len(width), np.ones(len(width), np.int8)
    alpha, animated = np.zeros(len(width), bool), np.zeros(len(width), bool)
    for number in rest:
        facts = _facts(pictures[number])
        width[number], height[number] = facts.width, facts.height
        formats[number], orientation[number] = facts.format, facts.orientation
        alpha[number], animated[number] = facts.alpha, facts.frames > 1
    sizes = pictures.sizes if isinstance(pictures, PictureViews) else map(len, pictures)
    size = np.fromiter(sizes, np.int64, len(width))
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    return {
        "image_width": width,
        "image_height": height,
        "image_pixels": width * height,
        "image_aspect": longer / np.maximum(shorter, 1),
        "image_bytes": size,
        "image_bytes_per_pixel": size / np.maximum(width * height, 1),
        "image_format": formats,
        "image_alpha": alpha,
        "image_animated": animated,
        "image_orientation": orientation,
    }


def plain_sides(pictures: Sequence[bytes | memoryview]) -> npt.NDArray[np.int64]:
    """Return width and height, [2, n], of ordinary upright JPEG files; 0 for what is to look at."""
    compiled = compiled_headers()
    if not compiled or not isinstance(pictures, PictureViews):
        return np.zeros((2, len(pictures)), np.int64)
    held = np.frombuffer(pictures.held, np.uint8)
    most = LIMITS.max_image_bytes, LIMITS.max_pixels, LIMITS.max_side
    return np.asarray(compiled.sides(held, pictures.starts, pictures.sizes, *most))


def compiled_headers() -> Any:
    """Return the look at headers compiled by numba, or None where that cannot be."""
    return compiled("cauldron.media.headers_compiled")


_NO_FACTS = UprightFacts(format="", width=0, height=0)


def _facts(data: bytes | memoryview) -> UprightFacts:
    try:
        return upright_facts(data)
    except ImageError:
        return _NO_FACTS


def pixel_signals(pictures: Sequence[bytes]) -> dict[str, Any]:
    """Decode each picture once, upright, on white, as RGB, and measure it.

    `image_error` is a reject reason; where it is not empty, the rest is empty as well.
    """
    many = len(pictures)
    errors, hashes = [""] * many, [""] * many
    levels: npt.NDArray[np.int64] = np.zeros((many, 256), np.int64)
    looks: U8 = np.zeros((many, LOOK_BYTES), np.uint8)
    for number, data in enumerate(pictures):
        try:
            planes, hashes[number] = _opened(data)
        except ImageError as error:
            errors[number] = error.reason
            continue
        levels[number] = as_grey(planes[0]).histogram()
        looks[number] = look_of_planes(planes)
    sound = np.array([not error for error in errors], bool)
    fine, coarse = thumb_hashes(greys(looks))
    return {
        "image_error": errors,
        "image_entropy": np.where(sound, entropy(levels), 0.0),
        "image_flat": np.where(sound, flatness(levels), 0.0),
        "image_hash": hashes,
        "image_phash": np.where(sound, coarse, np.uint64(0)),
        "image_phash256": _binary(fine, sound),
        "image_thumb": _binary(looks, sound),
    }


def _opened(data: bytes) -> tuple[Planes, str]:
    """Return the planes of a picture at reduced scale, and the hash of its pixels."""
    pixels = jpeg_pixels(data)
    if pixels is None:
        image = open_rgb(data)
        return planes_of(image), pixel_hash(image)
    high, wide = pixels.shape[:2]
    digest = xxhash.xxh3_128(f"{wide}x{high}".encode())
    digest.update(pixels.data)
    return _reduced(pixels), digest.hexdigest()


def _reduced(pixels: U8) -> Planes:
    """Return the planes of [height, width, 4] pixels, as `planes_of` makes them."""
    high, wide = pixels.shape[:2]
    compiled = _compiled()
    if compiled and min(high, wide) > EIGHTH * (LEAST_SIDE - 1):
        grey, blue, red = compiled.eighths(pixels)
        return grey, blue, red
    return planes_of(Image.frombuffer("RGBX", (wide, high), pixels, "raw", "RGBX", 0, 1))


def _compiled() -> Any:
    """Return the reduction compiled by numba, or None where that cannot be."""
    return compiled("cauldron.signals.pictures_compiled")


def _binary(rows: npt.NDArray[Any], sound: npt.NDArray[np.bool_]) -> pa.Array:
    """Return rows as bytes, empty where a picture is not sound."""
    made = [row.tobytes() if fit else b"" for row, fit in zip(rows, sound, strict=True)]
    return pa.array(made, pa.binary())


def pixel_hash(image: Image.Image) -> str:
    """Return a 128-bit hash of size and pixels of an RGB picture as hex."""
    digest = xxhash.xxh3_128(f"{image.width}x{image.height}".encode())
    try:
        _, array = image.__arrow_c_array__()
    except ValueError:  # a large picture lies in several blocks
        digest.update(image.tobytes("raw", "RGBX"))
    else:
        held = pa.Array._import_from_c_capsule(_, array)
        digest.update(held.flatten().buffers()[1])
    return digest.hexdigest()


def entropy(levels: npt.NDArray[np.int64]) -> F64:
    """Return the entropy of grey levels, [n, 256], in bits: 0 for one colour, at most 8."""
    shares = levels / np.maximum(levels.sum(axis=1, keepdims=True), 1)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.maximum(-(shares * logs).sum(axis=1), 0.0))


def flatness(levels: npt.NDArray[np.int64]) -> F64:
    """Return the largest share of pixels within 4 grey levels of one: 1 for a blank picture."""
    total = np.cumsum(np.pad(levels, ((0, 0), (_BAND + 1, _BAND))), axis=1)
    width = 2 * _BAND + 1
    best = (total[:, width:] - total[:, :-width]).max(axis=1)
    return np.asarray(best / np.maximum(levels.sum(axis=1), 1))
