"""Pictures to read: a number somewhere on a noisy ground, for ablations at small scale."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cauldron.demo.drawing import font

QUESTION = "Which number?"
_SHARD = 2000


class Reading(BaseModel):
    """Pictures of numbers in the form of the hub.

    Args:
        pictures: how many.
        width, height: of a picture in pixels.
        glyph: height of the digits in pixels.
        digits: fewest and most of them.
        grid: numbers begin at multiples of it, in pixels.
        noise: deviation of the grain, in grey levels.
        aspects: widths over heights that pictures are drawn at, their area nearly kept: sides are
            multiples of 8 pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int = Field(4000, ge=1)
    width: int = Field(48, ge=8)
    height: int = Field(24, ge=8)
    glyph: int = Field(16, ge=6)
    digits: tuple[int, int] = (2, 3)
    grid: int = Field(1, ge=1)
    noise: float = Field(6.0, ge=0)
    aspects: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Reading:
        if self.glyph * self.digits[1] * 0.6 > self.width or self.glyph > self.height:
            raise ValueError("the digits do not fit the picture")
        return self


def write_reading(folder: Path, settings: Reading, seed: Sequence[int] = (0,)) -> Path:
    """Write parquet files with columns images and texts, as The Cauldron has them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    starts = range(0, settings.pictures, _SHARD)
    for number, start in enumerate(starts):
        images, texts = [], []
        for _ in range(min(_SHARD, settings.pictures - start)):
            length = int(rng.integers(settings.digits[0], settings.digits[1] + 1))
            told = str(rng.integers(10 ** (length - 1), 10**length))
            images.append([{"bytes": _drawn(told, settings, rng), "path": None}])
            texts.append([{"user": QUESTION, "assistant": told, "source": "numbers"}])
        table = pa.table({"images": images, "texts": texts})
        pq.write_table(table, folder / f"train-{number:05d}-of-{len(starts):05d}.parquet")
    return folder


def _drawn(text: str, settings: Reading, rng: np.random.Generator) -> bytes:
    width, height = settings.width, settings.height
    if settings.aspects:
        aspect = float(rng.choice(settings.aspects))
        side = (width * height) ** 0.5
        width, height = _side(side * aspect**0.5), _side(side / aspect**0.5)
    image = Image.new("L", (width, height), int(rng.integers(10, 60)))
    face = font(settings.glyph)
    left, top, right, bottom = face.getbbox(text)
    grid = settings.grid
    x = grid * rng.integers(0, max(width - int(right - left), 0) // grid + 1)
    y = grid * rng.integers(0, max(height - int(bottom - top), 0) // grid + 1)
    colour = int(rng.integers(170, 255))
    ImageDraw.Draw(image).text((x - left, y - top), text, fill=colour, font=face)
    pixels = np.asarray(image, dtype=np.float64) + rng.normal(0, settings.noise, (height, width))
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _side(length: float) -> int:
    return max(round(length / 8), 1) * 8
