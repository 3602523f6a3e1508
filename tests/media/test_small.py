"""Grey pictures at reduced scale: upright, no smaller than asked, damaged ones named."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cauldron.media.images import ImageError, open_rgb
from cauldron.media.small import _drafted, small_grey


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
    assert found.mode == "L" and 64 <= min(found.size) < 200
    assert np.asarray(found)[:5].max() < 40 and np.asarray(found)[-5:].min() > 240


def test_a_picture_is_turned_upright() -> None:
    found = small_grey(turned(), 64)
    assert found.height > found.width
    assert abs(np.asarray(found)[:, -1].mean() - 20) < 10


def test_pillow_and_simplejpeg_agree() -> None:
    one, two = (np.asarray(f(half_white(), 200), float) for f in (small_grey, _drafted))
    assert one.shape == two.shape and np.abs(one - two).mean() < 2


def test_other_formats_come_whole() -> None:
    out = io.BytesIO()
    open_rgb(half_white()).save(out, "PNG")
    assert small_grey(out.getvalue(), 64).size == (640, 400)


def test_a_damaged_picture_is_told() -> None:
    with pytest.raises(ImageError):
        small_grey(half_white()[:300], 64)
