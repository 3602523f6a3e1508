"""Grey pictures at reduced scale: upright, no smaller than asked, damaged ones named."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cauldron.media.images import ImageError, open_rgb
from cauldron.media.small import _drafted, jpeg_pixels, small_grey


def half_white(**told: object) -> bytes:
    image = Image.new("RGB", (640, 400), "white")
    image.paste((20, 20, 20), (0, 0, 640, 200))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **told)
    return out.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return half_white(exif=exif)


def test_a_jpeg_is_decoded_no_finer_than_needed() -> None:
    found = small_grey(half_white(), 64)
    assert found.dtype == np.uint8 and 64 <= min(found.shape) < 200
    assert found[:5].max() < 40 and found[-5:].min() > 240


def test_a_picture_is_turned_upright() -> None:
    found = small_grey(turned(), 64)
    assert found.shape[0] > found.shape[1]
    assert abs(found[:, -1].mean() - 20) < 10


def test_pillow_and_simplejpeg_agree() -> None:
    one = np.asarray(small_grey(half_white(), 200), float)
    two = np.asarray(_drafted(half_white(), 200, "L"), float)
    assert one.shape == two.shape and np.abs(one - two).mean() < 2


def test_other_formats_come_whole() -> None:
    out = io.BytesIO()
    open_rgb(half_white()).save(out, "PNG")
    assert small_grey(out.getvalue(), 64).shape == (400, 640)


def test_a_damaged_picture_is_told() -> None:
    with pytest.raises(ImageError):
        small_grey(half_white()[:300], 64)


def test_pixels_of_a_jpeg_are_those_that_pillow_gives() -> None:
    if jpeg_pixels(_jpeg("RGB", (8, 8))) is None:
        pytest.skip("simplejpeg is not installed")
    for mode in ("RGB", "L"):
        for size in ((333, 97), (16, 16), (1, 1)):
            data = _jpeg(mode, size)
            pixels = jpeg_pixels(data)
            assert pixels is not None
            assert np.array_equal(pixels[:, :, :3], np.asarray(open_rgb(data)))
            assert (pixels[:, :, 3] == 255).all()
    assert jpeg_pixels(_jpeg("CMYK", (9, 9))) is None
    assert jpeg_pixels(_jpeg("RGB", (90, 90))[:300]) is None


def _jpeg(mode: str, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    values = np.random.default_rng(4).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(values).convert(mode).save(out, "JPEG", quality=80)
    return out.getvalue()
