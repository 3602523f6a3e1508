"""An eighth of a JPEG without a decoder: the same values as a decoder's, or none at all."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cauldron.media.limits import LIMITS
from cauldron.media.small import eighth, planes_of
from cauldron.signals import thumbs
from cauldron.signals.thumbs import look_of, look_of_planes, looks_of_files

pytest.importorskip("numba")
simplejpeg = pytest.importorskip("simplejpeg")


def scene(wide: int, high: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(wide + high)
    cells = rng.integers(0, 256, (high // 30 + 2, wide // 30 + 2, 3)).astype(np.uint8)
    image = Image.fromarray(cells).resize((wide, high), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 6, (high, wide, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)).convert(
        mode
    )


def encoded(image: Image.Image, **told: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 85, **told})
    return out.getvalue()


SIZES = [(640, 480), (377, 391), (400, 1013)]
FORMS: list[dict[str, Any]] = [
    {"subsampling": 0, "quality": 97},
    {"subsampling": 1, "quality": 30},
    {"subsampling": 2, "optimize": True},
    {"subsampling": 2, "restart_marker_blocks": 7},
    {"subsampling": 0, "restart_marker_rows": 1},
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_values_are_those_of_a_decoder(
    size: tuple[int, int], form: dict[str, Any], mode: str
) -> None:
    data = encoded(scene(*size, mode), **form)
    found = eighth(data, 1)
    assert found is not None
    wanted = simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)[:, :, 0]
    assert np.array_equal(found[0], wanted)
    if mode == "RGB":
        ycc = np.asarray(Image.open(io.BytesIO(data)).convert("YCbCr").reduce(8), float)
        for plane, told in zip(found[1:], (ycc[:, :, 1], ycc[:, :, 2]), strict=True):
            assert abs(plane.mean() - told.mean()) < 3


def test_what_is_not_plain_is_left_to_a_decoder() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = scene(640, 480)
    for told in ({"progressive": True}, {"exif": exif}):
        assert eighth(encoded(image, **told), 48) is None
    assert eighth(encoded(image.convert("CMYK")), 48) is None
    assert eighth(encoded(scene(370, 480)), 48) is None
    plain = encoded(image)
    assert eighth(plain[:-40], 48) is None
    assert eighth(plain[:-40] + b"\xff\xd9", 48) is None


def test_a_picture_beyond_the_limits_is_not_read() -> None:
    data = encoded(scene(640, 480))
    assert eighth(data, 48) is not None
    assert eighth(data, 48, replace(LIMITS, max_pixels=300_000)) is None
    assert eighth(data, 48, replace(LIMITS, max_side=600)) is None


def test_damaged_files_give_the_values_of_a_decoder_or_none() -> None:
    rng = np.random.default_rng(2)
    whole = encoded(scene(400, 390), subsampling=2, restart_marker_blocks=9)
    read = 0
    for _ in range(600):
        data = bytearray(whole)
        for place in rng.integers(2, len(data), int(rng.integers(1, 4))).tolist():
            data[place] = int(rng.integers(256))
        found = eighth(bytes(data), 1)
        if found is not None:
            assert found[0].shape[0] <= 8192
            read += _agrees(bytes(data), found[0])
    assert read > 20
    assert np.array_equal(eighth(whole, 1)[0], _decoded(whole))  # type: ignore[index]


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)[:, :, 0])


def _agrees(data: bytes, found: np.ndarray) -> bool:
    try:
        wanted = _decoded(data)
    except ValueError:  # a decoder may be stricter
        return False
    assert np.array_equal(found, wanted)
    return True


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_looks_are_the_same_in_one_pass_and_by_planes(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in SIZES:
        data = encoded(scene(*size, mode))
        fast = look_of(data)
        planes = eighth(data, 48)
        assert planes is not None
        assert np.array_equal(fast, look_of_planes(planes))
        with monkeypatch.context() as patch:
            patch.setattr(thumbs, "_compiled", lambda: None)
            assert np.array_equal(fast, look_of(data))
        whole = look_of_planes(planes_of(Image.open(io.BytesIO(data))))
        assert np.abs(fast.astype(int) - whole).mean() < 6


def test_looks_of_many_files_are_those_of_each() -> None:
    """Files of one table, of tables of their own, with restarts, grey, damaged, and no JPEG."""
    rng = np.random.default_rng(4)
    own = [encoded(scene(380 + n, 400), quality=40 + n, optimize=True) for n in range(14)]
    plain = [encoded(scene(400, 500 + n), **form) for n, form in enumerate(FORMS)]
    odd = bytearray(plain[1])
    odd[len(odd) // 2 : len(odd) // 2 + 40] = rng.bytes(40)
    other = io.BytesIO()
    scene(500, 400).save(other, "PNG")
    grey = encoded(scene(444, 400, "L"))
    files = [*own, *plain, grey, *own[:3], other.getvalue(), encoded(scene(60, 80)), *plain]
    assert eighth(bytes(odd), 1) is None
    files.insert(9, bytes(odd))
    assert np.array_equal(looks_of_files(files), np.stack([look_of(data) for data in files]))
    assert looks_of_files([]).shape == (0, thumbs.LOOK_BYTES)


def test_codes_of_all_lengths_are_read() -> None:
    """Noise has symbols for which standard tables have codes of 16 bits, and blocks without end."""
    noise = np.random.default_rng(3).integers(0, 256, (392, 408, 3)).astype(np.uint8)
    noise[::3, :150] = 0
    for quality in (100, 96, 75):
        data = encoded(Image.fromarray(noise), quality=quality, subsampling=0)
        found = eighth(data, 1)
        assert found is not None and np.array_equal(found[0], _decoded(data))
