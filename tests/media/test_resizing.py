"""Grey levels are resized to the values that Pillow gives, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cauldron.media.resizing import resized

SIZES = [(96, 128), (122, 152), (64, 90), (40, 300), (300, 64), (700, 900), (400, 101), (64, 64)]


@pytest.mark.parametrize("shape", SIZES)
def test_values_are_those_of_pillow(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    told = Image.fromarray(levels).resize((64, 64), Image.Resampling.BILINEAR, reducing_gap=2.0)
    assert (resized(levels, 64, 64) == np.asarray(told)).all()


def test_one_colour_stays() -> None:
    assert (resized(np.full((90, 120), 255, np.uint8), 64, 64) == 255).all()
