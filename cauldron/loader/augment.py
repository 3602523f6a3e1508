"""Changes of pictures in training: enlarged at random, and spoilt as a scanner does.

Every choice follows from the seed, the picture and the position that its sample was drawn at, so
that it is the same for any number of workers and another one each time the sample comes again.
From: arXiv:2405.02246, sections 4.1 and 4.2 (pictures scaled up at random), and the authors'
training code (factors from a triangle between 1.5 and the most).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cauldron.loader.pictures import Fit, Pixels
from cauldron.sample import content_hash

LEAST_SCALE = 1.5
_SHADOW, _FADED, _SPECKS, _GRAIN = 0.25, 0.4, 0.004, 8.0
"""Most that a shadow darkens and ink fades, share of pixels that are specks, deviation of grain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """What is done to which share of pictures.

    Args:
        scale_share: share that is enlarged by 1.5 to `scale_max`, large factors more often.
        noise_share: share that is spoilt; only of `noise_sources` unless those are empty.
    """

    seed: int = 0
    scale_share: float = 0.0
    scale_max: float = 2.0
    noise_share: float = 0.0
    noise_sources: tuple[str, ...] = ()

    def scaled(self, fit: Fit, *picture: str) -> Fit:
        """Return the size that a picture is brought to."""
        if not self._chosen(self.scale_share, "scale", *picture):
            return fit
        least, most = min(LEAST_SCALE, self.scale_max), self.scale_max
        if most <= least:
            return replace(fit, scale=most)
        drawn = self._generator("factor", *picture).triangular(least, most, most)
        return replace(fit, scale=float(drawn))

    def spoilt(self, pixels: Pixels, source: str, *picture: str) -> Pixels:
        """Return a picture as it is, or spoilt."""
        among = not self.noise_sources or source in self.noise_sources
        if not among or not self._chosen(self.noise_share, "noise", *picture):
            return pixels
        return scanned(pixels, self._generator("scan", *picture))

    def _chosen(self, share: float, *key: str) -> bool:
        return share > 0 and content_hash(self.seed, "augment", *key) < share * 2**64

    def _generator(self, *key: str) -> np.random.Generator:
        return np.random.default_rng(content_hash(self.seed, "augment", *key))


def scanned(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a picture with faded ink, a shadow from one side, grain, specks and some blur."""
    values = pixels.astype(np.float32)
    if rng.random() < 0.5:
        values = _blurred(values)
    white, faded = 255.0, rng.uniform(0, _FADED)
    values = values + (white - values) * faded
    height, width = pixels.shape[1:]
    ramp = np.linspace(0, rng.uniform(0, _SHADOW), width, dtype=np.float32)
    values *= 1 - (ramp if rng.random() < 0.5 else ramp[::-1])
    values += rng.normal(0, rng.uniform(0, _GRAIN), (1, height, width)).astype(np.float32)
    specks = rng.random((height, width)) < rng.uniform(0, _SPECKS)
    values[:, specks] = rng.choice([0.0, white])
    return values.clip(0, 255).round().astype(np.uint8)


def _blurred(values: np.ndarray) -> np.ndarray:
    """Return the mean of each pixel and its neighbours, with more weight in the middle."""
    for axis in (1, 2):
        padded = np.pad(values, [(1, 1) if k == axis else (0, 0) for k in range(3)], "edge")
        before, after = (
            np.take(padded, range(start, start + values.shape[axis]), axis) for start in (0, 2)
        )
        values = 0.25 * before + 0.5 * values + 0.25 * after
    return values
