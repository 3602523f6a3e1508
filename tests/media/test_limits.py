"""Limits that the environment sets, for a command and all its workers."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest
from PIL import Image, features

from cauldron.errors import UsageError
from cauldron.media.images import ImageError, open_rgb
from cauldron.media.limits import Limits, read_limits
from tests.trust.commands import cauldron, told

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow has no AVIF here")


def avif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "AVIF")
    return out.getvalue()


def test_limits_are_read_by_name() -> None:
    assert read_limits("") == Limits()
    found = read_limits("max_pixels=100 max_svg_s=2.5")
    assert (found.max_pixels, found.max_svg_s, found.max_side) == (100, 2.5, 20_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_pixel=1", "did you mean 'max_pixels'"),
        ("max_pixels=many", "max_pixels cannot be 'many'"),
        ("formats=EPS", "formats cannot be 'EPS'"),
    ],
)
def test_what_is_no_limit_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_limits(text)


@needs_avif
def test_threat_02_avif_is_opened_only_where_it_is_asked_for() -> None:
    with pytest.raises(ImageError, match="image_not_identified"):
        open_rgb(avif())
    assert open_rgb(avif(), read_limits("formats=AVIF")).size == (64, 48)
    small = read_limits("formats=AVIF max_pixels=3000")
    with pytest.raises(ImageError, match="image_too_large"):
        open_rgb(avif(), small)


@needs_avif
@pytest.mark.slow
def test_threat_02_other_limits_hold_in_workers_and_ingest_anew(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.avif").write_bytes(avif())
    (tmp_path / "raw" / "a.jsonl").write_bytes(b'{"image": "a.avif"}')
    own = 'name: own\nfiles: "*.jsonl"\nimages: "{image}"\nturns: [{user: a, assistant: b}]\n'
    (tmp_path / "own.yaml").write_text(own)
    command = ("ingest", tmp_path / "own.yaml", tmp_path / "raw", "-o", tmp_path / "work")
    for text, written in (("", 0), ("formats=AVIF", 1), ("max_frames=9", 0)):
        env = {"CAULDRON_LIMITS": text}
        done = cauldron(*command, "--json", "--max-rejects", "1", env=env)
        told(done, 0)
        assert orjson.loads(done.stdout)["written"] == written, text
    message = told(cauldron(*command, env={"CAULDRON_LIMITS": "max_frame=9"}), 2)
    assert "CAULDRON_LIMITS: no limit 'max_frame'; did you mean 'max_frames'?" in message
