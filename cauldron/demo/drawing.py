"""Drawing for the demo: text in a font that comes with Pillow, encoders, copies, broken files."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cauldron.demo.tree import Rng

Color = tuple[int, int, int]

COLORS: dict[str, Color] = {
    "red": (200, 45, 40),
    "blue": (45, 85, 190),
    "green": (55, 150, 70),
    "yellow": (230, 195, 50),
    "purple": (130, 65, 150),
    "orange": (230, 125, 40),
    "brown": (120, 80, 50),
    "white": (240, 240, 236),
}
INK: Color = (30, 32, 36)
NOT_A_PICTURE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>"
    b"<body><h1>Not Found</h1></body></html>\n"
)


@cache
def font(size: int) -> Any:
    """Return the font that comes with Pillow, so that no system font is needed."""
    return ImageFont.load_default(size)


def write_text(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int = 14, **more: Any
) -> None:
    """Write one line; `anchor` as Pillow has it, default left and middle."""
    draw.text((x, y), text, font=font(size), **{"fill": INK, "anchor": "lm", **more})


def text_width(text: str, size: int) -> int:
    """Return the width of a line in pixels."""
    return int(font(size).getlength(text)) + 1


def jpeg(image: Image.Image, quality: int = 88) -> bytes:
    """Encode as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(image: Image.Image, compress_level: int = 4) -> bytes:
    """Encode as PNG."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=compress_level)
    return out.getvalue()


def copied(data: bytes, *, quality: int = 70, scale: float = 1.0, format_: str = "JPEG") -> bytes:
    """Encode a picture again in another quality and size: a near duplicate."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    size = (round(image.width * scale), round(image.height * scale))
    resized = image.resize(size, Image.Resampling.LANCZOS)
    return jpeg(resized, quality) if format_ == "JPEG" else png(resized)


def cut_off(data: bytes) -> bytes:
    """Return the first part of a file, as an interrupted download leaves it."""
    return data[: len(data) * 3 // 5]


def noisy(image: Image.Image, rng: Rng, strength: float = 6.0) -> Image.Image:
    """Add the grain of a photograph (standard deviation in grey levels)."""
    pixels = np.asarray(image, dtype=np.float32)
    grain = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[..., None] * strength
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def shaded(width: int, height: int, top: Color, bottom: Color) -> Image.Image:
    """Return a picture that goes from one colour to another, top to bottom."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    rows = np.asarray(top, np.float32) * (1 - share) + np.asarray(bottom, np.float32) * share
    return Image.fromarray(np.broadcast_to(rows, (height, width, 3)).astype(np.uint8))
