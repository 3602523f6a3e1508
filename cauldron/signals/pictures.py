"""Picture signals: geometry, entropy, an exact pixel hash and two perceptual hashes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import xxhash
from PIL import Image

from cauldron.media.images import ImageError, inspect, open_rgb

_SIDE = 64
_COARSE, _FINE = 8, 16


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
    fine, coarse = perceptual_hashes(grey)
    return PictureSignals(
        width=image.width,
        height=image.height,
        format=format_,
        size_bytes=len(data),
        entropy=_entropy(grey),
        pixel_hash=pixel_hash(image),
        phash=coarse,
        phash256=fine,
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


@cache
def _basis() -> npt.NDArray[np.float64]:
    """Return the first 16 rows of the DCT-II of length 64: [16, 64] float64."""
    rows = np.arange(_FINE)[:, None]
    return np.cos(np.pi * rows * (2 * np.arange(_SIDE)[None, :] + 1) / (2 * _SIDE))


def perceptual_hashes(grey: Image.Image) -> tuple[bytes, int]:
    """Return a 256-bit and a 64-bit hash of the low frequencies of a 64 x 64 grey picture.

    A bit says whether a coefficient lies above the median. Near copies (other size, other JPEG
    quality) differ in few bits.
    """
    small = grey.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.asarray(small, dtype=np.float64)
    basis = _basis()
    coefficients = np.round(basis @ pixels @ basis.T, 6)
    fine = coefficients > np.median(coefficients)
    block = coefficients[:_COARSE, :_COARSE]
    coarse = block > np.median(block)
    return (
        np.packbits(fine).tobytes(),
        int.from_bytes(np.packbits(coarse).tobytes(), "big"),
    )
