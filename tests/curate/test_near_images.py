"""Copies are found, pictures that only look alike are not: photographs, charts, lines, puzzles."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cauldron.curate.details import detail, same_picture
from cauldron.curate.near_images import looks_of, near_images, same_details
from cauldron.curate.pictures import DECODED_SIDE
from cauldron.media.small import small_grey
from cauldron.signals.thumbs import thumbnail
from tests.curate.pictures import jpeg, png


def _stretched(cells: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(cells.astype(np.float32)).resize((320, 240), 3))


def photo(number: int) -> Image.Image:
    rng = np.random.default_rng(number)
    layers = [_stretched(rng.integers(0, 256, (n, n))) for n in (3, 8, 30, 90)]
    weighted = sum(w * layer for w, layer in zip((8, 4, 2, 1), layers, strict=True)) / 15
    return Image.fromarray(np.clip(weighted, 0, 255).astype(np.uint8)).convert("RGB")


def chart(number: int, changed: int = -1) -> Image.Image:
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.line((30, 10, 30, 270, 390, 270), fill="black", width=2)
    for bar, high in enumerate(rng.integers(20, 240, 8)):
        high = (int(high) + 60) % 240 if bar == changed else int(high)
        draw.rectangle((40 + 44 * bar, 270 - high, 70 + 44 * bar, 269), fill=(60, 110, 180))
    return image


def line(number: int, changed: int = -1) -> Image.Image:
    rng = np.random.default_rng(number)
    words = ["".join(rng.choice(list("abdeghiklmnoprstu"), 5)) for _ in range(7)]
    if changed >= 0:
        words[changed] = words[changed][::-1]
    image = Image.new("RGB", (480, 40), "white")
    font = ImageFont.load_default(20)
    ImageDraw.Draw(image).text((6, 6), " ".join(words), fill="black", font=font)
    return image


def grid(number: int, changed: int = -1) -> Image.Image:
    rng = np.random.default_rng(number)
    image = Image.new("L", (240, 240), 255)
    draw = ImageDraw.Draw(image)
    for cell in range(9):
        sides, shade = int(rng.integers(3, 7)), int(rng.integers(0, 8))
        shade = (shade + 3) % 8 if cell == changed else shade
        x, y = 40 + 80 * (cell % 3), 40 + 80 * (cell // 3)
        draw.rectangle((x - 38, y - 38, x + 38, y + 38), outline=0)
        draw.regular_polygon((x, y, 28), sides, fill=28 * shade, outline=0)
    return image.convert("RGB")


def copies(image: Image.Image) -> dict[str, bytes]:
    wide, high = image.size
    half = image.resize((wide * 2 // 3, high * 2 // 3), Image.Resampling.LANCZOS)
    return {
        "again": jpeg(image, 40),
        "png": png(image),
        "smaller": jpeg(half, 85),
        "brighter": jpeg(image.point(lambda v: min(255, v * 1.1)), 85),
        "cropped": jpeg(image.crop((wide // 60, high // 60, wide, high)), 85),
    }


def found(pictures: list[bytes]) -> set[tuple[int, int]]:
    def judge(pairs: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        numbers = np.unique(pairs).tolist()
        made = {number: detail(small_grey(pictures[number], DECODED_SIDE)) for number in numbers}
        return same_details(made, pairs, drawn)

    thumbs = np.stack([thumbnail(small_grey(data, 64)) for data in pictures])
    return {(int(a), int(b)) for a, b in near_images(looks_of(thumbs), judge)[0]}


KINDS = ("again", "png", "smaller", "brighter", "cropped")
CASES = [(d, k) for d in (photo, chart, line, grid) for k in KINDS if (d, k) != (grid, "cropped")]


@pytest.mark.parametrize(("draw", "kind"), CASES)
def test_a_copy_is_found(draw, kind: str) -> None:  # type: ignore[no-untyped-def]
    originals = [draw(number) for number in range(6)]
    pictures = [jpeg(image, 90) for image in originals]
    pictures += [copies(image)[kind] for image in originals]
    pairs = found(pictures)
    assert pairs <= {(n, n + 6) for n in range(6)}
    assert len(pairs) >= 5


@pytest.mark.parametrize("draw", [chart, line, grid])
def test_a_change_in_one_detail_makes_another_picture(draw) -> None:  # type: ignore[no-untyped-def]
    pictures = [jpeg(draw(n), 90) for n in range(4)] + [jpeg(draw(n, 4), 90) for n in range(4)]
    assert found(pictures) == set()


def test_blank_pictures_are_no_near_copies_of_each_other() -> None:
    assert found([png(Image.new("RGB", (90, 90), (k, k, k))) for k in (255, 250, 0)]) == set()


def test_a_picture_is_the_same_as_itself_and_not_as_another() -> None:
    one = detail(np.asarray(photo(1).convert("L")))
    assert same_picture(one, one, 1.0, drawn=True)
    assert not same_picture(one, detail(np.asarray(photo(2).convert("L"))), 20.0, drawn=False)


def test_a_picture_without_details_is_like_no_other() -> None:
    pairs, drawn = np.array([[0, 1]]), np.array([False])
    made = detail(np.asarray(photo(1).convert("L")))
    assert same_details({0: made, 1: made}, pairs, drawn).tolist() == [True]
    assert same_details({0: made}, pairs, drawn).tolist() == [False]
