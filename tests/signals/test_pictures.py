"""Picture signals: one decode, the same pixels the same hash whatever the format."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cauldron.media.small import planes_of
from cauldron.signals import pictures
from cauldron.signals.pictures import header_signals, pixel_signals
from tests.conftest import picture
from tests.trees import noise


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def one(data: bytes) -> dict[str, Any]:
    found = {**header_signals([data]), **pixel_signals([data])}
    return {name: values[0] for name, values in found.items()}


def test_a_broken_picture_is_a_signal_and_no_error() -> None:
    found = pixel_signals([picture(), picture()[:60], b"", picture()])
    assert found["image_error"] == ["", "image_truncated", "image_empty", ""]
    assert found["image_hash"][0] == found["image_hash"][3] != found["image_hash"][1] == ""


@pytest.mark.parametrize("side", [40, 2300])
@pytest.mark.parametrize("format_", ["BMP", "TIFF", "WEBP"])
def test_the_same_pixels_in_another_format_have_the_same_hash(format_: str, side: int) -> None:
    image = Image.new("RGB", (side, side), (9, 120, 200))
    image.paste(Image.open(io.BytesIO(noise(3))).resize((30, 30)).convert("RGB"), (4, 4))
    options = {"lossless": True} if format_ == "WEBP" else {}
    assert (
        one(encoded(image, "PNG"))["image_hash"]
        == one(encoded(image, format_, **options))["image_hash"]
    )


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_equal_pixels_in_another_mode_have_the_same_hash(mode: str) -> None:
    image = Image.new(mode, (30, 20), 1)
    plain = image.convert("RGB")
    if mode in ("RGBA", "LA"):
        image.putalpha(255)
        plain = image.convert("RGB")
    assert one(encoded(image, "PNG"))["image_hash"] == one(encoded(plain, "PNG"))["image_hash"]


def test_one_other_pixel_is_another_hash() -> None:
    image = Image.new("RGB", (50, 50), "white")
    before = one(encoded(image, "PNG"))["image_hash"]
    image.putpixel((49, 49), (255, 255, 254))
    assert one(encoded(image, "PNG"))["image_hash"] != before


def test_a_turned_picture_has_the_sides_and_pixels_that_are_shown() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(noise(5))).convert("RGB").resize((60, 20))
    turned = one(encoded(image, "PNG", exif=exif))
    assert (turned["image_width"], turned["image_height"]) == (20, 60)
    assert turned["image_orientation"] == 6
    shown = one(encoded(image.transpose(Image.Transpose.ROTATE_270), "PNG"))
    assert turned["image_hash"] == shown["image_hash"]


@pytest.mark.parametrize(
    ("format_", "mode", "alpha"),
    [("JPEG", "RGB", False), ("PNG", "RGB", False), ("PNG", "RGBA", True), ("WEBP", "RGBA", True)],
)
def test_headers_tell_format_sides_and_transparency(format_: str, mode: str, alpha: bool) -> None:
    data = encoded(Image.new(mode, (40, 10)), format_)
    found = one(data)
    names = ("image_format", "image_width", "image_height", "image_pixels", "image_alpha")
    assert [found[name] for name in names] == [format_, 40, 10, 400, alpha]
    assert found["image_aspect"] == 4 and not found["image_animated"]
    assert found["image_bytes_per_pixel"] == len(data) / 400


def test_an_animation_is_told() -> None:
    frames = [Image.new("RGB", (9, 9), (n, 0, 0)) for n in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert one(data)["image_animated"]


def test_blank_and_nearly_blank_pictures_are_flat() -> None:
    image = Image.new("L", (400, 300), 250)
    blank = one(encoded(image, "PNG"))
    assert (blank["image_flat"], blank["image_entropy"]) == (1, 0)
    ImageDraw.Draw(image).rectangle((10, 10, 19, 19), fill=0)
    nearly = one(encoded(image, "JPEG", quality=60))
    assert 0.995 < nearly["image_flat"] < 1
    assert one(noise(1))["image_flat"] < 0.5


def test_a_copy_of_lower_quality_is_near_and_another_scene_is_far() -> None:
    def scene(shift: int, quality: int) -> bytes:
        image = Image.new("RGB", (200, 150), (90, 120, 200))
        draw = ImageDraw.Draw(image)
        draw.ellipse((20 + shift, 20, 90 + shift, 90), fill=(220, 40, 30))
        draw.rectangle((110 - shift, 60, 180 - shift, 140), fill=(240, 220, 60))
        return encoded(image, "JPEG", quality=quality)

    def bits(a: bytes, b: bytes) -> int:
        hashes = pixel_signals([a, b])["image_phash256"].to_pylist()
        left, right = (int.from_bytes(value, "big") for value in hashes)
        return (left ^ right).bit_count()

    assert bits(scene(0, 95), scene(0, 40)) <= 20
    assert bits(scene(0, 95), scene(70, 95)) > 40


@pytest.mark.parametrize("size", [(640, 480), (333, 97), (1001, 700), (250, 96)])
def test_ordinary_jpegs_are_measured_as_pillow_measures_them(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(3).integers(0, 256, (size[1] // 7, size[0] // 7, 3))
    out = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).resize(size).save(out, "JPEG", quality=85)
    fast = pictures.pixel_signals([out.getvalue()])
    monkeypatch.setattr(pictures, "jpeg_pixels", lambda data: None)
    plain = pictures.pixel_signals([out.getvalue()])
    assert fast["image_hash"] == plain["image_hash"]
    one, two = (np.frombuffer(f["image_thumb"][0].as_py(), np.uint8) for f in (fast, plain))
    assert np.abs(one.astype(int) - two).mean() < 6


@pytest.mark.parametrize("size", [(640, 480), (401, 777), (383, 377)])
def test_planes_are_those_of_the_reduced_picture(size: tuple[int, int]) -> None:
    pytest.importorskip("numba")
    values = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 4)).astype(np.uint8)
    wanted = planes_of(Image.fromarray(np.ascontiguousarray(values[:, :, :3])))
    for one, two in zip(pictures._reduced(values), wanted, strict=True):
        assert one.shape == two.shape and np.abs(one.astype(int) - two).max() <= 1
