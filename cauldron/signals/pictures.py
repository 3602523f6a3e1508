"""Picture signals: geometry, entropy, an exact pixel hash, two perceptual hashes, a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xxhash
from PIL import Image

from cauldron.media.images import ImageError, inspect, open_rgb
from cauldron.signals.thumbs import thumb_hashes, thumbnail


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSignals:
    """What is measured of one picture; `error` is a reject reason when it does not decode."""

    width: int = 0
    height: int = 0
    format: str = ""
    size_bytes: int = 0
    entropy: float = 0.0
    pixel_hash: str = ""
    phash: int = 0
    phash256: bytes = b""
    thumb: bytes = b""
    error: str = ""

    @property
    def aspect(self) -> float:
        """Longer side over shorter side."""
        return max(self.width, self.height) / max(min(self.width, self.height), 1)


def picture_signals(data: bytes) -> PictureSignals:
    """Open a picture once and measure it, upright, on white, as RGB."""
    try:
        format_ = inspect(data).format
        image = open_rgb(data)
    except ImageError as error:
        return PictureSignals(size_bytes=len(data), error=error.reason)
    grey = image.convert("L")
    thumb = thumbnail(grey)
    fine, coarse = thumb_hashes(thumb[None])
    return PictureSignals(
        width=image.width,
        height=image.height,
        format=format_,
        size_bytes=len(data),
        entropy=_entropy(grey),
        pixel_hash=pixel_hash(image),
        phash=int(coarse[0]),
        phash256=fine.tobytes(),
        thumb=thumb.tobytes(),
    )


def pixel_hash(image: Image.Image) -> str:
    """Return a 128-bit hash of size and RGB pixels as hex."""
    digest = xxhash.xxh3_128(f"{image.width}x{image.height}".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def _entropy(grey: Image.Image) -> float:
    """Return the entropy of grey levels in bits: 0 for one colour, at most 8."""
    counts = np.asarray(grey.histogram(), dtype=np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(max(-(shares * np.log2(shares)).sum(), 0.0))
