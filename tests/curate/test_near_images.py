"""Copies are found, pictures that only look alike are not: photographs, charts, lines, puzzles."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cauldron.curate import details
from cauldron.curate import near_images as near
from cauldron.curate.details import detail, same_picture
from cauldron.curate.near_images import looks_of, near_images, same_details
from cauldron.curate.pictures import DECODED_SIDE
from cauldron.media.small import small_grey
from cauldron.signals.thumbs import LOOK_BYTES, look_of, looks_of_grey
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


def table(number: int, changed: int = -1) -> Image.Image:
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (520, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 520, 24), fill=(234, 236, 240))
    for row in range(12):
        words = ["".join(rng.choice(list("abdeghiklmnoprstu"), 6)) for _ in range(6)]
        words = words[::-1] if row == changed else words
        draw.line((0, 25 * row, 520, 25 * row), fill=(160, 168, 176))
        for column, word in enumerate(words):
            draw.text((6 + 86 * column, 25 * row + 4), word, fill="black")
    return image


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

    looks = np.stack([look_of(data) for data in pictures])
    return {(int(a), int(b)) for a, b in near_images(looks_of(looks), judge)[0]}


KINDS = ("again", "png", "smaller", "brighter", "cropped")
CASES = [(d, k) for d in (photo, chart, line, grid, table) for k in KINDS]


@pytest.mark.parametrize(("draw", "kind"), CASES)
def test_a_copy_is_found(draw, kind: str) -> None:  # type: ignore[no-untyped-def]
    originals = [draw(number) for number in range(6)]
    pictures = [jpeg(image, 90) for image in originals]
    pictures += [copies(image)[kind] for image in originals]
    pairs = found(pictures)
    assert pairs <= {(n, n + 6) for n in range(6)}
    assert len(pairs) >= 5


@pytest.mark.parametrize("draw", [chart, line, grid, table])
def test_a_change_in_one_detail_makes_another_picture(draw) -> None:  # type: ignore[no-untyped-def]
    pictures = [jpeg(draw(n), 90) for n in range(4)] + [jpeg(draw(n, 4), 90) for n in range(4)]
    assert found(pictures) == set()


@pytest.mark.parametrize("draw", [photo, chart, line, grid, table])
def test_two_percent_of_every_side_may_be_cropped(draw) -> None:  # type: ignore[no-untyped-def]
    originals = [draw(number) for number in range(6)]
    parts = []
    for image in originals:
        dx, dy = image.width // 50, image.height // 50
        parts.append(jpeg(image.crop((dx, dy, image.width - dx, image.height - dy)), 85))
    pairs = found([png(image) for image in originals] + parts)
    assert pairs == {(n, n + 6) for n in range(6)}


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


def verdicts_of(
    monkeypatch: pytest.MonkeyPatch, close: float, worst: float, flat: float, apart: float = 3.1
) -> tuple[bool, bool, bool]:
    """Return whether a pair may be the same, clearly is, and counts as drawn, by its measures."""
    told = lambda t, p, *_: (np.full(len(p), close), np.full(len(p), worst))  # noqa: E731
    monkeypatch.setattr(near, "likeness", lambda thumbs, pairs: np.full(len(pairs), 0.9))
    monkeypatch.setattr(near, "fits", told)
    monkeypatch.setattr(near, "laid", told)
    monkeypatch.setattr(near, "flat_share", lambda t, wanted: np.array([0.0, flat]))
    monkeypatch.setattr(near, "largest_differences", lambda t, p: np.full(len(p), apart))
    pairs, clear, drawn = near.verdicts(np.zeros((2, LOOK_BYTES), np.uint8), np.array([[0, 1]]))
    return len(pairs) == 1, bool(clear.any()), bool(drawn.any())


@pytest.mark.parametrize(
    ("close", "worst", "flat", "told"),
    [
        (0.9, 12.0, 0.3, (True, True, False)),
        (0.9, 12.1, 0.3, (True, False, False)),
        (0.89, 12.0, 0.3, (True, False, False)),
        (0.65, 45.0, 0.3, (True, False, False)),
        (0.64, 1.0, 0.3, (False, False, False)),
        (0.99, 45.1, 0.3, (False, False, False)),
        (0.985, 90.0, 0.31, (True, False, True)),
        (0.984, 14.0, 0.31, (True, False, True)),
        (0.984, 14.1, 0.31, (False, False, False)),
        (0.93, 14.0, 0.31, (True, False, True)),
        (0.92, 1.0, 0.31, (False, False, False)),
    ],
)
def test_thumbnails_tell_photographs_and_leave_drawings_to_their_details(
    monkeypatch: pytest.MonkeyPatch, close: float, worst: float, flat: float, told: tuple[bool, ...]
) -> None:
    assert verdicts_of(monkeypatch, close, worst, flat) == told


def test_drawings_whose_thumbnails_are_all_but_equal_are_clearly_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert verdicts_of(monkeypatch, 0.95, 14.0, 0.31, 3.0) == (True, True, True)
    assert verdicts_of(monkeypatch, 0.95, 14.1, 0.31, 3.0) == (False, False, False)


@pytest.mark.parametrize(
    ("shades", "drawn", "most"),
    [
        ((40, 200), True, 16.5),
        ((100, 110), True, 5.0),
        ((0, 200), False, 22.0),
        ((100, 120), False, 5.0),
    ],
)
def test_pictures_of_little_contrast_may_differ_by_little(
    monkeypatch: pytest.MonkeyPatch, shades: tuple[int, int], drawn: bool, most: float
) -> None:
    asked: list[tuple[float, bool]] = []
    monkeypatch.setattr(near, "same_picture", lambda *told: asked.append(told[2:]) or True)
    one = np.tile(np.repeat(np.array(shades, np.uint8), 2), (8, 4))
    assert same_details({3: one, 5: one}, np.array([[3, 5]]), np.array([drawn])).tolist() == [True]
    assert asked == [(pytest.approx(most), drawn)]


def test_contrast_is_the_deviation_of_grey_levels() -> None:
    thumbs = np.random.default_rng(1).integers(0, 256, (600, 64, 64)).astype(np.uint8)
    thumbs[5] = 9
    looks = looks_of_grey(thumbs)
    assert near.contrast(looks) == pytest.approx(thumbs[:, ::2, ::2].std(axis=(1, 2)), rel=1e-4)
    assert near.contrast(looks[:0]).shape == (0,)


def test_pairs_across_two_sets_tell_their_bits_and_are_judged_by_looks() -> None:
    made = [look_of(jpeg(photo(n), 90)) for n in range(5)]
    worse = [look_of(jpeg(photo(n), 30)) for n in (3, 1, 9)]
    blank = looks_of_grey(np.full((1, 64, 64), 7, np.uint8))[0]
    own, other = (
        looks_of(np.stack([*made, blank])),
        looks_of(np.stack(worse)),
    )
    pairs, bits = near.near_across(own, other, 12, 64)
    assert sorted(map(tuple, pairs.tolist())) == [(1, 1), (3, 0)]
    told = [np.bitwise_count(own[1][a] ^ other[1][b]).sum() for a, b in pairs]
    assert bits.tolist() == told
    hashed = near.near_across((*own[:2], None), (*own[:2], None), 64, 256)[0]
    assert len(hashed) == 36, "without looks hashes alone decide"
    alone = near.near_across(own, own, 12, 64)[0].tolist()
    assert sorted(alone) == [[n, n] for n in range(5)], "a blank one is like none, itself too"


@pytest.mark.parametrize("tint", [(20, 110, 220), (60, 140, 60)])
def test_the_same_chart_in_another_colour_is_another_picture(tint: tuple[int, int, int]) -> None:
    def coloured(number: int, fill: tuple[int, int, int]) -> bytes:
        pixels = np.asarray(chart(number)).copy()
        pixels[(pixels == (60, 110, 180)).all(axis=2)] = fill
        return jpeg(Image.fromarray(pixels), 90)

    pictures = [coloured(n, (200, 60, 60)) for n in range(4)] + [
        coloured(n, tint) for n in range(4)
    ]
    assert found(pictures) == set()


@pytest.mark.parametrize(("worst", "sought"), [(46.0, True), (46.1, False)])
def test_no_better_crop_is_sought_where_much_differs(
    monkeypatch: pytest.MonkeyPatch, worst: float, sought: bool
) -> None:
    asked: list[int] = []
    left = details.Difference(worst=worst, usual=0.0, toned=False)
    monkeypatch.setattr(details, "_rest", lambda *told: left)
    monkeypatch.setattr(details, "_placed", lambda one, two, at: asked.append(1) or at)
    one = detail(np.asarray(photo(1).convert("L")))
    assert not same_picture(one, one, 10.0, drawn=False)
    assert bool(asked) == sought


@pytest.mark.parametrize("draw", [photo, chart, table])
def test_looks_alone_tell_a_cropped_copy_across_two_sets(draw) -> None:  # type: ignore[no-untyped-def]
    originals = [draw(number) for number in range(6)]
    parts = [image.crop((5, 4, image.width - 6, image.height - 5)) for image in originals]
    own, other = (
        looks_of(np.stack([look_of(jpeg(image, 80)) for image in images]))
        for images in (originals, parts)
    )
    pairs = near.near_across(own, other, near.RADIUS, near.FINE_RADIUS)[0]
    assert pairs.tolist() == [[n, n] for n in range(6)]
