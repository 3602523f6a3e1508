"""Threats 1 to 4 and 26: what a picture may do to whoever opens it, and what it may carry."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps, PngImagePlugin

from cauldron.media.gif import gif_frames
from cauldron.media.images import ImageError, encode_png, inspect, open_rgb, upright_facts
from cauldron.media.limits import FORMATS, LIMITS
from cauldron.report.gallery import thumbnail_of
from tests.trust.pictures import costs, encoded, gif_of, jpeg_head, jpeg_of_scans, png_bomb

WATCH = """
import sys, orjson
from PIL import Image
Image.init()
from cauldron.media.images import ImageError, inspect, open_rgb
from cauldron.media.limits import FORMATS
asked, decoders = set(), set()
for name, (factory, accept) in list(Image.OPEN.items()):
    if name not in FORMATS:
        def spy(*args, name=name, factory=factory):
            asked.add(name)
            return factory(*args)
        Image.OPEN[name] = (spy, accept)
made = Image._getdecoder
def noted(mode, decoder, *args, **named):
    decoders.add(decoder)
    return made(mode, decoder, *args, **named)
Image._getdecoder = noted
from PIL import ImageFile
ImageFile.Image._getdecoder = noted
ends = {}
for path in sys.argv[1:]:
    for look in (inspect, open_rgb):
        try:
            look(open(path, "rb").read())
            ends[path] = "opened"
        except ImageError as error:
            ends[path] = error.reason
print(orjson.dumps([sorted(asked), sorted(decoders), ends]).decode())
"""
DECODERS = {"jpeg", "zip", "gif", "webp", "libtiff", "raw", "bmp_rle", "packbits"}


def test_threat_01_bombs_are_refused_by_their_header(tmp_path: Path) -> None:
    bombs = {
        "a.png": png_bomb(30_000),
        "b.jpg": jpeg_head(65_500),
        "c.gif": gif_of(10_000),
        "d.png": png_bomb(13_000),
        "e.png": encoded(Image.new("1", (LIMITS.max_side + 1, 1)), "PNG"),
    }
    assert len(bombs["a.png"]) < 200_000 and len(bombs["b.jpg"]) < 300
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    found = costs([tmp_path / name for name in bombs])
    large, many = ["image_too_large"] * 2, ["image_too_many_frames"] * 2
    assert [told["reason"] for told in found] == [*large, *large, *many, *large, *large]
    assert max(told["ms"] for told in found) < 50, found
    assert max(told["bytes"] for told in found) < 100 << 20, found


def test_threat_01_no_limit_of_pillow_is_changed_for_others() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError):
        open_rgb(png_bomb(13_000))
    assert before == Image.MAX_IMAGE_PIXELS is not None


def test_threat_02_no_other_decoder_is_ever_asked(tmp_path: Path) -> None:
    Image.init()
    plain = Image.effect_noise((40, 30), 50)
    for name in sorted(set(Image.SAVE) - {"PALM", "WMF", "BUFR", "GRIB", "HDF5", "IM"}):
        for mode in ("RGB", "L", "1", "P"):
            try:
                data = encoded(plain.convert(mode), name)
            except (OSError, ValueError, KeyError):
                continue
            (tmp_path / f"{name}.jpg").write_bytes(data)
            break
    (tmp_path / "page.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage"
    )
    samples = Path(__file__).parents[3] / "shared" / "samples" / "bad_inputs"
    paths = [*tmp_path.iterdir(), *(p for p in samples.glob("images*/*") if p.is_file())]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *map(str, paths)], capture_output=True, check=True
    )
    asked, decoders, ends = orjson.loads(done.stdout)
    assert len(ends) >= 20 and asked == [] and set(decoders) <= DECODERS
    opened = {Path(p).stem for p, end in ends.items() if end == "opened" and str(tmp_path) in p}
    assert opened <= {*FORMATS, "MPO", "DIB"} and opened >= set(FORMATS)


def test_threat_02_the_content_decides_and_not_the_name() -> None:
    assert inspect(encoded(Image.new("RGB", (9, 9)), "PNG")).format == "PNG"
    for data in (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"8BPS\x00\x01", b"%PDF-1.4", b"<svg/>"):
        with pytest.raises(ImageError, match="image_not_identified"):
            inspect(data + bytes(100))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_threat_03_a_jpeg_cut_anywhere_is_rejected(options: dict[str, object]) -> None:
    whole = encoded(Image.effect_noise((160, 120), 60).convert("RGB"), "JPEG", **options)
    for percent in range(1, 100):
        cut = whole[: len(whole) * percent // 100]
        for look in (inspect, open_rgb):
            with pytest.raises(ImageError) as caught:
                look(cut)
            assert caught.value.reason in ("image_truncated", "image_not_identified"), percent
        if percent > 10:
            assert caught.value.reason == "image_truncated"


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_threat_03_other_formats_cut_anywhere_are_rejected(format_: str) -> None:
    whole = encoded(Image.effect_noise((80, 60), 60).convert("RGB"), format_)
    for percent in range(1, 99):
        with pytest.raises(ImageError):
            open_rgb(whole[: len(whole) * percent // 100])


LOST_FRAME = bytes.fromhex(
    "474946383761010001008000000000000000002c0000000100010000080400010404002c00ffffff"
    "ffffffffff080400000404002c000000000100010000080400010404003b"
)
"""A GIF whose second frame lies outside the first: Pillow raises IndexError when asked of it."""


def test_threat_03_whatever_a_decoder_raises_is_a_reject() -> None:
    for look in (inspect, upright_facts, open_rgb):
        with pytest.raises(ImageError, match="image_truncated"):
            look(LOST_FRAME)


def test_threat_01_a_gif_of_a_vast_screen_is_not_painted_for_each_frame() -> None:
    """Frames of one pixel on a screen of 49 Mpx: painted one after the other they took 20 s."""
    small = gif_of(60)
    vast = small[:6] + (7_000).to_bytes(2, "little") * 2 + small[10:]
    began = time.process_time()
    assert upright_facts(vast).frames == 60
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("hidden", [b"", b"\xff\xd9\xff\xd9", b"\xff\xda" * 9])
def test_threat_01_a_jpeg_of_thousands_of_scans_is_refused_by_its_header(hidden: bytes) -> None:
    """Each scan is a pass over all pixels; an end inside of a comment is none."""
    few, many = jpeg_of_scans(20, hidden=hidden), jpeg_of_scans(5_000, hidden=hidden)
    assert open_rgb(few).size == inspect_size(few) == (64, 64)
    for look in (inspect, upright_facts, open_rgb):
        with pytest.raises(ImageError, match="image_too_many_scans"):
            look(many)


def test_threat_01_what_follows_the_end_of_a_jpeg_is_no_scan() -> None:
    film = jpeg_of_scans(1) + b"\xff\xda" * 1_000
    assert open_rgb(film).size == inspect_size(film) == (64, 64)


def inspect_size(data: bytes) -> tuple[int, int]:
    facts = inspect(data)
    return facts.width, facts.height


@given(st.integers(0, 70), st.booleans(), st.binary(max_size=40))
def test_frames_of_a_gif_are_those_that_pillow_counts(n: int, cut: bool, comment: bytes) -> None:
    frames = [Image.new("P", (3, 2), m) for m in range(n + 1)]
    whole = encoded(
        frames[0], "GIF", save_all=True, append_images=frames[1:], comment=comment, optimize=False
    )
    with Image.open(io.BytesIO(whole)) as image:
        counted = getattr(image, "n_frames", 1)
    assert gif_frames(whole, 1_000) == counted
    assert gif_frames(whole, 10) == min(counted, 11)
    assert gif_frames(whole[: len(whole) // 2], 1_000) <= counted


def reference(data: bytes) -> Image.Image:
    """Return what a careful person does with Pillow: turn upright, lay on white, as RGB."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I"):
        pixels = [value / 257 for value in image.convert("I").get_flattened_data()]
        image = Image.new("L", image.size)
        image.putdata([min(max(round(value), 0), 255) for value in pixels])
    elif image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        shown = image.convert("RGBA")
        image = Image.new("RGB", shown.size, "white")
        image.paste(shown, mask=shown.getchannel("A"))
    return image.convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of a channel of a pixel."""
    assert one.size == other.size and one.mode == other.mode == "RGB"
    return max(high for _, high in ImageChops.difference(one, other).getextrema())


def odd_pictures() -> dict[str, bytes]:
    """Pictures of every mode and orientation that files come in."""
    base = Image.linear_gradient("L").resize((48, 32))
    colour = Image.merge("RGB", (base, ImageOps.mirror(base), ImageOps.flip(base)))
    alpha = Image.merge("RGBA", (*colour.split(), base))
    wide = Image.frombytes(
        "I;16", (8, 8), b"".join((n * 1000).to_bytes(2, "little") for n in range(64))
    )
    made = {
        "cmyk": encoded(colour.convert("CMYK"), "JPEG", quality=95),
        "grey": encoded(base, "JPEG"),
        "rgba": encoded(alpha, "PNG"),
        "webp": encoded(alpha, "WEBP", lossless=True),
        "la": encoded(Image.merge("LA", (base, base)), "PNG"),
        "palette": encoded(colour.quantize(64), "PNG"),
        "clear index": encoded(colour.quantize(64), "PNG", transparency=3),
        "clear grey": encoded(base, "PNG", transparency=128),
        "one bit": encoded(base.convert("1"), "PNG"),
        "bmp": encoded(colour, "BMP"),
        "gif": encoded(colour.quantize(32), "GIF"),
        "wide png": encoded(wide, "PNG"),
        "wide tiff": encoded(wide, "TIFF"),
        "tiff": encoded(colour, "TIFF", compression="tiff_lzw"),
    }
    for turn in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        made[f"turn {turn}"] = encoded(colour, "JPEG", exif=exif, quality=95)
        made[f"png turn {turn}"] = encoded(colour, "PNG", exif=exif)
    return made


@pytest.mark.parametrize("name", sorted(odd_pictures()))
def test_threat_04_odd_pictures_come_upright_in_their_colours(name: str) -> None:
    data = odd_pictures()[name]
    assert apart(open_rgb(data), reference(data)) <= 2


def test_threat_04_real_odd_pictures_come_upright_in_their_colours(slices: Path) -> None:
    compared = 0
    for path in sorted((slices / "bad_inputs" / "images_odd").iterdir()):
        data = path.read_bytes()
        try:
            found = open_rgb(data)
        except ImageError:
            continue
        assert apart(found, reference(data)) <= 2, path.name
        compared += 1
    assert compared >= 24


def private_picture() -> bytes:
    """Return a JPEG with a place, XMP and a comment."""
    exif = Image.Exif()
    exif[0x010E] = "Private Person"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    xmp = b"<x:xmpmeta>Private Person</x:xmpmeta>"
    noise = Image.effect_noise((300, 200), 20).convert("RGB")
    return encoded(noise, "JPEG", exif=exif, xmp=xmp, comment=b"Private Person")


def test_threat_26_nothing_private_is_encoded_again(tmp_path: Path) -> None:
    data = private_picture()
    with Image.open(io.BytesIO(data)) as before:
        assert before.getexif().get_ifd(0x8825) and data.count(b"Private Person") == 3
    bare = open_rgb(data)
    name, _ = thumbnail_of(str(tmp_path), data)
    for again in (
        *(encoded(bare, format_) for format_ in ("JPEG", "PNG", "WEBP", "TIFF")),
        encode_png(bare),
        (tmp_path / name).read_bytes(),
    ):
        with Image.open(io.BytesIO(again)) as image:
            assert not image.getexif().get_ifd(0x8825) and not image.info.keys() & {
                "xmp",
                "comment",
            }
        assert b"Private" not in again


def test_threat_26_the_real_picture_with_a_place_leaves_none(slices: Path, tmp_path: Path) -> None:
    data = (slices / "bad_inputs" / "images_odd" / "exif_gps.jpg").read_bytes()
    with Image.open(io.BytesIO(data)) as before:
        assert before.getexif().get_ifd(0x8825)
    again = encode_png(open_rgb(data))
    with Image.open(io.BytesIO(again)) as after:
        assert not after.getexif() and not after.info


def test_threat_26_a_png_text_is_not_encoded_again() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "Private Person")
    data = encoded(Image.new("RGB", (9, 9)), "PNG", pnginfo=told)
    assert b"Private" in data and b"Private" not in encode_png(open_rgb(data))
