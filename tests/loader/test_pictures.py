"""Pictures to pixels: exact as Pillow, fast within 70 dB of it, hostile bytes refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cauldron.loader.pictures import Fit, How, decode, decode_split
from cauldron.media.images import ImageError

FIT = Fit(longest=96)


def photo(width: int, height: int, form: str = "JPEG", **options: object) -> bytes:
    """Return an encoded picture of smooth colours with sharp edges."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (9 + k) + y / (17 - k)) * 60 + 128 for k in range(3)]
    pixels = np.stack(waves, -1)
    pixels[height // 3 : height // 2, width // 4 :] = (250, 20, 40)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, form, **options)
    return out.getvalue()


def by_pillow(data: bytes, fit: Fit) -> np.ndarray:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    resized = image.resize(fit.size(*image.size), Image.Resampling.BICUBIC)
    return np.asarray(resized).transpose(2, 0, 1)


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("size", [(640, 480), (333, 500), (97, 96), (96, 40), (30, 20)])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exact_is_pillow_and_fast_is_close_to_it(size: tuple[int, int], form: str) -> None:
    data = photo(*size, form)
    wanted = by_pillow(data, FIT)
    assert np.array_equal(decode(data, FIT, "exact"), wanted)
    assert decibels(decode(data, FIT, "fast"), wanted) > 60


def test_fast_is_within_70_decibels_over_photographs() -> None:
    fit = Fit(longest=384)
    data = [photo(width, 480, quality=90) for width in range(500, 660, 20)]
    pairs = [(decode(d, fit, "fast"), by_pillow(d, fit)) for d in data]
    a, b = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    assert decibels(a, b) > 70


def test_draft_has_the_same_size() -> None:
    data = photo(1600, 1200)
    assert decode(data, FIT, "draft").shape == decode(data, FIT, "exact").shape == (3, 72, 96)
    assert decibels(decode(data, FIT, "draft"), decode(data, FIT, "exact")) > 25


def test_orientation_is_applied_in_every_way() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = photo(80, 40, exif=exif)
    ways: tuple[How, ...] = ("exact", "fast", "draft")
    assert {decode(data, FIT, how).shape for how in ways} == {(3, 80, 40)}


def test_sides_are_multiples_where_asked() -> None:
    fit = Fit(longest=100, shortest=28, multiple=14)
    assert decode(photo(640, 100), fit).shape == (3, 28, 98)


@pytest.mark.parametrize("how", ["exact", "fast"])
def test_a_split_picture_is_its_quarters_and_the_whole(how: How) -> None:
    data = photo(101, 61, "PNG")
    whole = by_pillow(data, Fit(longest=None))
    parts = decode_split(data, Fit(longest=None), how)
    quarters = [whole[:, :30, :50], whole[:, :30, 50:], whole[:, 30:, :50], whole[:, 30:, 50:]]
    assert all(np.array_equal(a, b) for a, b in zip(parts, [*quarters, whole], strict=True))


def test_split_parts_are_resized_each_by_the_rule() -> None:
    shapes = [part.shape for part in decode_split(photo(400, 200), FIT)]
    assert shapes == [(3, 48, 96)] * 5


@pytest.mark.parametrize("how", ["exact", "fast", "draft"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "image_empty"),
        (b"\xff\xd8\xff rubbish", "image_not_identified"),
        (photo(300, 300)[:2000], "image_truncated"),
        (photo(20_001, 1), "image_too_large"),
    ],
)
def test_hostile_bytes_are_refused_with_a_reason(how: How, data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as refused:
        decode(data, FIT, how)
    assert refused.value.reason == reason


def test_a_picture_too_small_to_split_is_refused() -> None:
    with pytest.raises(ImageError, match="image_too_small"):
        decode_split(photo(1, 9, "PNG"), FIT)
