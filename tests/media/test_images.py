"""Opening pictures safely."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from cauldron.media.images import ImageError, frames_of, inspect, open_rgb
from cauldron.media.limits import Limits
from tests.conftest import picture


def reason(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        inspect(data)
    return caught.value.reason


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND\xaeB`\x82"


def test_a_whole_picture_gives_its_facts() -> None:
    facts = inspect(picture())
    assert (facts.format, facts.width, facts.height, facts.frames) == ("PNG", 64, 48, 1)


@pytest.mark.parametrize("side", [13_000, 30_000])
def test_a_pixel_bomb_is_too_large(side: int) -> None:
    assert reason(png_header(side, side)) == "image_too_large"


@pytest.mark.parametrize("percent", range(5, 100, 5))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_cut_picture_is_rejected(percent: int, format_: str) -> None:
    noise = Image.effect_noise((80, 60), 60).convert("RGB")
    out = io.BytesIO()
    noise.save(out, format_)
    whole = out.getvalue()
    cut = whole[: len(whole) * percent // 100]
    assert reason(cut) in ("image_truncated", "image_not_identified")


def test_a_page_is_not_a_picture() -> None:
    assert reason(b"<html>404") == "image_not_identified"


def test_nothing_is_not_a_picture() -> None:
    assert reason(b"") == "image_empty"


def test_a_long_animation_is_rejected() -> None:
    frames = [Image.new("L", (4, 4), n * 2) for n in range(100)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert reason(out.getvalue()) == "image_too_many_frames"


def test_alpha_is_laid_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(out, "PNG")
    assert open_rgb(out.getvalue()).getpixel((1, 1)) == (255, 255, 255)


def test_an_exif_turn_is_applied() -> None:
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[274] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    assert open_rgb(out.getvalue()).size == (20, 40)


def test_a_16_bit_picture_keeps_its_grey() -> None:
    out = io.BytesIO()
    Image.new("I;16", (4, 4), 32896).save(out, "PNG")
    assert open_rgb(out.getvalue()).getpixel((0, 0)) == (128, 128, 128)


def frames(*sizes: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    first, *rest = (Image.new("L", size, 40 * n) for n, size in enumerate(sizes))
    first.save(out, "TIFF", save_all=True, append_images=rest)
    return out.getvalue()


def test_frames_come_in_order_and_no_more_than_asked() -> None:
    data = frames((4, 4), (9, 5), (3, 8))
    assert [frame.size for frame in frames_of(data, 9)] == [(4, 4), (9, 5), (3, 8)]
    assert [frame.getpixel((0, 0)) for frame in frames_of(data, 2)] == [0, 40]


def test_a_frame_over_the_limit_is_rejected_behind_the_good_ones() -> None:
    found = frames_of(frames((4, 4), (90, 50)), 9, Limits(max_pixels=100))
    assert next(found).size == (4, 4)
    with pytest.raises(ImageError) as error:
        next(found)
    assert error.value.reason == "image_too_large"
