"""The fast look at headers never lets through what the slow one refuses."""

from __future__ import annotations

import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from cauldron.media.headers import plain_facts, plainly_sound
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import Limits
from cauldron.signals.pictures import compiled_headers, plain_sides
from cauldron.storage.index import PictureViews
from tests.conftest import picture


def encoded(mode: str, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((37, 23), 60).convert(mode).save(out, format_, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_ordinary_jpegs_need_no_second_look(mode: str, progressive: bool) -> None:
    assert plainly_sound(encoded(mode, "JPEG", progressive=progressive))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_ordinary_pngs_need_no_second_look(mode: str) -> None:
    assert plainly_sound(encoded(mode, "PNG"))


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "TIFF", "BMP"])
def test_other_formats_get_the_second_look(format_: str) -> None:
    assert not plainly_sound(picture(format_=format_))


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_picture_without_its_end_gets_the_second_look(format_: str) -> None:
    assert not plainly_sound(picture(format_=format_)[:-3])


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_picture_past_a_limit_gets_the_second_look(format_: str) -> None:
    payload = picture(format_=format_)
    assert not plainly_sound(payload, Limits(max_side=63))
    assert not plainly_sound(payload, Limits(max_pixels=64 * 48 - 1))
    assert not plainly_sound(payload, Limits(max_image_bytes=len(payload) - 1))
    assert plainly_sound(payload, Limits(max_side=64, max_pixels=64 * 48))


def test_an_animated_png_gets_the_second_look() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (9, 9), (n, 0, 0)) for n in range(3)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    assert not plainly_sound(out.getvalue())


def test_a_png_whose_head_lies_gets_the_second_look() -> None:
    payload = bytearray(picture())
    payload[16:20] = (5).to_bytes(4, "big")
    assert not plainly_sound(bytes(payload))
    payload[29:33] = zlib.crc32(payload[12:29]).to_bytes(4, "big")
    assert plainly_sound(bytes(payload))


def described(format_: str) -> bytes:
    """Return a picture with EXIF, a colour profile, resolution and a comment."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a test"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif, "icc_profile": profile, "dpi": (72, 72), "comment": b"noise"}
    return encoded("RGB", format_, **options)


WHOLE = {
    "plain JPEG": encoded("RGB", "JPEG"),
    "JPEG with everything": described("JPEG"),
    "progressive grey JPEG": encoded("L", "JPEG", progressive=True),
    "CMYK JPEG": encoded("CMYK", "JPEG"),
    "plain PNG": encoded("RGB", "PNG"),
    "PNG with a palette": encoded("P", "PNG", transparency=3, dpi=(72, 72)),
    "PNG with everything": described("PNG"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_what_passes_the_fast_look_passes_the_slow_one(kind: str) -> None:
    """Bytes of the head are changed one at a time; the slow look is the judge."""
    whole, chance = WHOLE[kind], random.Random(7)
    passed = 0
    for place in (place for place in range(min(len(whole), 900)) for _ in range(3)):
        changed = bytearray(whole)
        changed[place] = chance.randrange(256)
        if plainly_sound(bytes(changed)):
            passed += 1
            try:
                inspect(bytes(changed))
            except ImageError as error:
                pytest.fail(f"byte {place} changed: {error.reason} {error.detail}")
    assert passed > 0 or kind == "PNG with everything"


def test_real_pictures_are_judged_alike(slices: Path) -> None:
    paths = [p for ending in ("jpg", "jpeg", "png") for p in slices.rglob(f"*.{ending}")]
    for path in paths:
        payload = path.read_bytes()
        if plainly_sound(payload):
            inspect(payload)
    assert any(plainly_sound(path.read_bytes()) for path in paths)


def damaged(rng: random.Random) -> bytes:
    """Return a JPEG with some bytes of its head changed, or as it is."""
    options = {"exif": Image.Exif()} if rng.random() < 0.1 else {}
    mode = rng.choice(["RGB", "L", "CMYK"])
    data = bytearray(encoded(mode, "JPEG", progressive=rng.random() < 0.3, **options))
    for _ in range(rng.choice([0, 1, 1, 2])):
        place = rng.choice([rng.randrange(700), rng.randrange(len(data)), len(data) - 1])
        data[place % len(data)] = rng.choice([0, 1, 0xFF, 0xDA, 0xDB, 0xC0, 0xC4, 0xE1, 0xE2, 16])
    return bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])


def test_the_compiled_look_finds_what_the_other_finds() -> None:
    if not compiled_headers():
        pytest.skip("numba is not installed")
    rng = random.Random(5)
    files = [b"", b"\xff\xd8\xff\xd9", picture(format_="PNG"), *(damaged(rng) for _ in range(400))]
    ordinary = [encoded("RGB", "JPEG"), encoded("L", "JPEG")]
    files += ordinary
    sizes = np.array([len(file) for file in files], np.int64)
    held = memoryview(b"".join(files))
    told = plain_sides(PictureViews(held, np.cumsum(sizes) - sizes, sizes))
    plain = [plain_facts(file) for file in files]
    for (width, height), facts in zip(told.T.tolist(), plain, strict=True):
        if width:
            assert facts and not facts.exif and (facts.width, facts.height) == (width, height)
    assert 50 < (told[0] > 0).sum() < 350
    assert all(told[0][n] for n, file in enumerate(files) if file in ordinary)
