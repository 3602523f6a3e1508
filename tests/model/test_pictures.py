"""Pixels: the sizes and values of Idefics2's own processor, and pictures that show nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil

from cauldron.media.images import ImageError
from cauldron.model.pictures import blank, fitted_size, normalized, read_pixels
from cauldron.model.settings import ModelSettings
from tests.conftest import picture

SETTINGS = ModelSettings(patch=8, min_side=24, max_side=64)


def noise(width: int, height: int) -> bytes:
    """Return an encoded PNG of random pixels."""
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("size", [(64, 40), (100, 30), (30, 200), (24, 24), (5, 9), (640, 480)])
def test_pixels_are_those_of_the_processor_up_to_the_last_whole_patch(
    size: tuple[int, int],
) -> None:
    ours = normalized([read_pixels(noise(*size), SETTINGS)])[0]
    theirs = Idefics2ImageProcessorPil(size={"shortest_edge": 24, "longest_edge": 64})(
        Image.open(io.BytesIO(noise(*size))), return_tensors="pt"
    )["pixel_values"][0, 0]
    height, width = (side - side % 8 for side in theirs.shape[1:])
    assert ours.shape == (3, height, width)
    assert (ours - theirs[:, :height, :width]).abs().max() < 1e-6


def test_the_longer_side_shrinks_and_the_shorter_grows() -> None:
    assert fitted_size(640, 480, SETTINGS) == (64, 48)
    assert fitted_size(1000, 100, SETTINGS) == (64, 24)
    assert fitted_size(30, 26, SETTINGS) == (30, 26)


def test_no_colour_becomes_zero() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(3, axis=0)
    assert (normalized([every]) != 0).all()


def test_a_blank_picture_is_grey_and_not_zero() -> None:
    grey = blank(read_pixels(picture(), SETTINGS))
    assert grey.shape == (3, 48, 64) and set(grey.flat) == {128}
    assert (normalized([grey]) != 0).all()


def test_a_broken_picture_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="image_truncated"):
        read_pixels(noise(64, 40)[:900], SETTINGS)
