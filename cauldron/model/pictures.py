"""Encoded pictures to pixels, by the sizes of Idefics2 and without torchvision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from cauldron.loader.pictures import Fit, decode_split
from cauldron.media.images import open_rgb
from cauldron.model.settings import ModelSettings

Pixels = npt.NDArray[np.uint8]
"""One picture, [3, H, W] uint8, both sides multiples of the patch."""
GREY = 128
"""The colour of a picture that shows nothing. Zeros after normalising would count as padding and
the picture would be lost; no 8-bit value becomes zero with mean and deviation 0.5."""


def fitted_size(width: int, height: int, settings: ModelSettings) -> tuple[int, int]:
    """Return the width and height that a picture is resized to.

    The longer side shrinks to `max_side` with its aspect ratio kept, then a side below `min_side`
    grows to it: the rule of Idefics2.
    """
    ratio, longest = width / height, settings.max_side
    if width >= height and width > longest:
        width, height = longest, int(longest / ratio)
    elif height > width and height > longest:
        width, height = int(longest * ratio), longest
    return max(width, settings.min_side), max(height, settings.min_side)


def read_pixels(data: bytes, settings: ModelSettings) -> Pixels:
    """Decode and resize one picture; what does not fill a patch is cut off right and below.

    Raises:
        ImageError: if it cannot be decoded.
    """
    image = open_rgb(data)
    size = fitted_size(*image.size, settings)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    width, height = (side - side % settings.multiple for side in size)
    pixels: Pixels = np.ascontiguousarray(np.asarray(image)[:height, :width].transpose(2, 0, 1))
    return pixels


def read_pieces(data: bytes, settings: ModelSettings) -> list[Pixels]:
    """Return a picture, or its four quarters and the whole where the model splits pictures.

    Raises:
        ImageError: if it cannot be decoded.
    """
    if not settings.split:
        return [read_pixels(data, settings)]
    fit = Fit(
        longest=settings.max_side,
        shortest=settings.min_side,
        multiple=settings.multiple,
        bilinear=True,
    )
    return decode_split(data, fit, "exact")


def blank(pixels: Pixels) -> Pixels:
    """Return a grey picture of the same size."""
    return np.full_like(pixels, GREY)


def normalized(pixels: list[Pixels], device: Any = None) -> torch.Tensor:
    """Return pictures of one size as [n, 3, H, W] float32 in [-1, 1]; none is exactly zero."""
    stacked = torch.from_numpy(np.stack(pixels)).to(device)
    return stacked.to(torch.float32).div_(255).sub_(0.5).div_(0.5)
