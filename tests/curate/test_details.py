"""Details of pictures: what is the same by steps that are checked alone, compiled or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from cauldron.curate import details
from cauldron.curate.details import Difference, same_picture

NOWHERE = np.zeros(4)


def blocks(high: int, wide: int, seed: int = 5, step: int = 12) -> details.U8:
    """Return patches of grey levels, none of them cut off."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(30, 220, (high // step + 1, wide // step + 1))
    return patches.repeat(step, 0).repeat(step, 1)[:high, :wide].astype(np.uint8)


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways through the pixels."""
    if request.param == "plain":
        monkeypatch.setattr(details, "compiled_passes", lambda: None)
    elif details.compiled_passes() is None:
        pytest.skip("numba is not installed")
    return str(request.param)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (9, 16), (40, 33)])
def test_smoothing_is_the_mean_by_1_2_1(way: str, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    wide = np.pad(values.astype(int), 1, mode="edge")
    once = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    twice = once[:-2] + 2 * once[1:-1] + once[2:]
    assert np.array_equal(details.soft(values), (twice + 8) >> 4)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3, 0), (-4, 0), (0, 2), (0, -5), (2, 3)])
def test_a_picture_is_moved_by_whole_pixels(way: str, x: int, y: int) -> None:
    values = np.random.default_rng(2).integers(0, 256, (50, 40)).astype(np.uint8)
    moved = details.warped(values, np.array([2 * x / 40, 0, 2 * y / 50, 0]))
    whole = np.roll(values, (-y, -x), (0, 1))
    assert np.array_equal(moved[6:-6, 6:-6], whole[6:-6, 6:-6])


def test_a_picture_is_stretched_from_its_middle(way: str) -> None:
    ramp = np.tile(np.arange(20, 120, dtype=np.uint8), (80, 1))
    for picture, place in ((ramp, [0, -0.1, 0, 0]), (ramp.T, [0, 0, 0, -0.1])):
        made = details.warped(picture, np.array(place, float))
        along = made[40] if place[1] else made[:, 40]
        middle = 20 + 99 / 2
        assert np.abs(along[10:-10] - (middle + 0.9 * (np.arange(100) - 99 / 2))[10:-10]).max() <= 1


def test_what_both_pictures_have_is_inside() -> None:
    rows, columns = details.inside((100, 200), np.array([0.02, -0.01, 0.0, 0.0]))
    assert (rows, columns) == (slice(0, 100), slice(5, 195))
    rows, columns = details.inside((100, 200), np.array([0.0, 0.0, 0.0, 0.03]))
    assert (rows, columns) == (slice(4, 96), slice(0, 200))


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.2, -9.0), (0.8, 30.0), (1.0, 12.0)])
@pytest.mark.parametrize("shape", [(96, 120), (61, 47)])
def test_tone_is_found(way: str, gain: float, offset: float, shape: tuple[int, int]) -> None:
    left = blocks(*shape)
    right = np.clip(left * gain + offset, 0, 255).round().astype(np.uint8)
    found = details._tone(left, right)
    assert found == pytest.approx((gain, offset), abs=max(0.02 * 128, 1)) and (
        found[0] == pytest.approx(gain, abs=0.02)
    )


def test_levels_that_were_cut_off_do_not_tell_the_tone(way: str) -> None:
    left = blocks(96, 120)
    right = np.minimum(left * 1.5, 255).astype(np.uint8)
    assert (right == 255).mean() > 0.2
    assert details._tone(left, right)[0] == pytest.approx(1.5, abs=0.02)
    dark = np.maximum(left * 1.5 - 100.0, 0).astype(np.uint8)
    assert details._tone(left, dark)[0] == pytest.approx(1.5, abs=0.03)


def test_a_flat_picture_has_no_gain_and_none_is_extreme(way: str) -> None:
    flat = np.full((40, 40), 100, np.uint8)
    assert details._tone(flat, np.full((40, 40), 130, np.uint8)) == pytest.approx((1, 30), abs=0.1)
    left = blocks(60, 60)
    assert details._tone(left, 255 - left)[0] == 0.5
    assert details._tone((left / 4).astype(np.uint8) + 50, left)[0] == 2.0


def test_levels_may_lie_between_both_tones() -> None:
    least, most, toned = details._told(1.0, 0.0)
    assert not toned and np.array_equal(least, np.arange(256) * 4) and np.array_equal(least, most)
    least, most, toned = details._told(1.02, -3.0)
    assert not toned and np.array_equal(least, most)
    assert least[100] == 396 and (least[0], least[255]) == (0, 1020)
    least, most, toned = details._told(1.2, -10.0)
    assert toned and (least[100], most[100]) == (400, 440) and (least[10], most[10]) == (8, 40)
    edges = [(1.029, 0), (1.031, 0), (0.971, 0), (0.969, 0), (1, 4.0), (1, 4.01), (1, -4.01)]
    assert [details._told(*e)[2] for e in edges] == [False, True, False, True, False, True, True]


def places(values: np.ndarray) -> np.ndarray:
    """Return the means of all 5 x 5 pixels."""
    return np.lib.stride_tricks.sliding_window_view(values, (5, 5)).mean((2, 3))


@pytest.mark.parametrize(("high", "wide"), [(40, 50), (33, 21)])
def test_a_changed_place_is_what_is_left(way: str, high: int, wide: int) -> None:
    left = blocks(high, wide, step=9)
    for change in (40, -25):
        right = left.copy()
        right[20:25, 10:15] = (right[20:25, 10:15].astype(int) + change).clip(0, 255)
        found = details._rest(left, right, NOWHERE)
        assert found.worst == pytest.approx(abs(change), abs=7) and found.usual < 3
    assert details._rest(left, left, NOWHERE) == (0, 0, False)


def test_the_usual_rest_is_that_of_three_of_four_edges(way: str) -> None:
    left = blocks(50, 61, step=9)
    right = np.clip(left + np.random.default_rng(4).normal(0, 9, left.shape), 0, 255)
    right = right.astype(np.uint8)
    gain, offset = details._tone(left, right)
    assert not details._told(gain, offset)[2]
    levels = 4.0 * right - np.rint(4 * np.clip(gain * np.arange(256) + offset, 0, 255))[left]
    rest = places(np.abs(levels)) / 4
    at_edges = np.sort(rest[details._steep(right)])
    found = details._rest(left, right, NOWHERE)
    assert found.worst == pytest.approx(rest.max(), abs=0.02)
    assert found.usual == pytest.approx(at_edges[int(0.75 * (len(at_edges) - 1))], abs=0.02)
    flat = np.full((40, 40), 99, np.uint8)
    assert details._rest(flat, flat, NOWHERE).usual == 0


def test_both_ways_leave_the_same() -> None:
    if details.compiled_passes() is None:
        pytest.skip("numba is not installed")
    rng = np.random.default_rng(7)
    pairs = []
    for high, wide in ((240, 240), (61, 47), (24, 90), (256, 33)):
        one = blocks(high, wide, step=7)
        two = np.clip(one * 0.9 + 9 + rng.normal(0, 9, one.shape), 0, 255).astype(np.uint8)
        pairs += [(one, two), (two, one), (one, blocks(high, wide, 9)), (255 - one, one)]

    def told() -> list[Any]:
        out: list[Any] = []
        for n, (one, two) in enumerate(pairs):
            place = np.array([0.01, -0.02, 0.0, 0.015]) * (n % 3)
            warped = details.warped(one, place)[4:-4, 4:-4].astype(int)
            out.append((warped, details._rest(one, two, place), details._tone(one, two)))
        return out

    compiled = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details, "compiled_passes", lambda: None)
        plain = told()
    for (warped, rest, tone), (same, left, found) in zip(compiled, plain, strict=True):
        assert np.abs(warped - same).max() <= 1
        assert tone == pytest.approx(found, abs=2e-2)
        assert rest == pytest.approx(left, abs=5e-2)


def test_what_is_left_of_two_pictures_never_changes(way: str) -> None:
    """Thresholds are made for these values: others need other thresholds."""
    rng = np.random.default_rng(8)
    levels = np.arange(256).repeat(9)
    one = levels.reshape(48, 48).astype(np.uint8)
    two = np.clip(one * 1.1 - 6 + rng.normal(0, 12, one.shape), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, (61, 83)).astype(np.uint8)
    soft = details.soft(details.soft(noise))
    part = np.roll(soft, 1, 1)
    tones = [details._tone(one, two), details._tone(noise, soft), details._tone(soft, noise)]
    rests = [
        details._rest(one, two, NOWHERE)[:2],
        details._rest(soft, part, np.array([0.02, 0.01, 0, -0.01]))[:2],
    ]
    assert np.array(tones) == pytest.approx(
        np.array([[1.079, -4.2584], [0.5, 64.5498], [1.2174, -26.8794]]), abs=2e-3, rel=1e-4
    )
    assert np.array(rests) == pytest.approx(np.array([[13.0, 8.7], [20.88, 10.87]]), abs=2e-2)


def test_sums_and_edges_are_those_of_their_places() -> None:
    values = np.random.default_rng(3).integers(0, 60, (12, 17)).astype(np.int16)
    found = details._sums(details._sums(values).T).T
    assert np.array_equal(found, np.rint(25 * places(values)))
    levels = (values * 4).astype(np.uint8)
    steep = details._steep(levels)
    assert steep.shape == (8, 13) and 0 < steep.sum() < steep.size
    told = levels.astype(int)
    for y in range(8):
        for x in range(13):
            across = abs(told[y + 2, x + 3] - told[y + 2, x + 1])
            across += abs(told[y + 3, x + 2] - told[y + 1, x + 2])
            assert steep[y, x] == (across > 16)


def cropped(picture: details.U8, left: float, right: float, top: float, low: float) -> details.U8:
    """Return a picture without shares of its ends, at its size."""
    high, wide = picture.shape
    box = (left * wide, top * high, (1 - right) * wide, (1 - low) * high)
    image = Image.fromarray(picture)
    return np.asarray(image.resize((wide, high), Image.Resampling.BICUBIC, box))


def photo(seed: int = 3, high: int = 200, wide: int = 240) -> details.U8:
    """Return soft blotches with some sharp bars."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 210, (12, 15)).astype(np.uint8))
    made = np.asarray(small.resize((wide, high), Image.Resampling.BICUBIC)).copy()
    for _ in range(14):
        y, x = rng.integers(8, high - 30), rng.integers(8, wide - 30)
        made[y : y + 5, x : x + 18] = rng.choice([35, 215])
    return details.soft(made)


@pytest.mark.parametrize("ends", [(0.02, 0, 0, 0), (0, 0.015, 0.02, 0), (0.01, 0.02, 0.02, 0.01)])
def test_a_crop_is_guessed_from_profiles_and_improved(ends: tuple[float, ...]) -> None:
    whole = photo()
    part = cropped(whole, *ends)
    left, right, top, low = ends
    wanted = np.array([left - right, -left - right, top - low, -top - low])
    guess = details.crop_of(details.profiles(whole), details.profiles(part))
    assert np.abs(guess - wanted).max() < 0.006
    placed = details._placed(whole, part, guess)
    assert np.abs(placed - wanted).max() < 0.002


def test_what_is_sought_are_crops_of_either_picture() -> None:
    low, share, shift, stretch = details._steps(100)
    ends = np.linspace(0, 0.035, 5)
    first, last = np.tile(ends, 5), np.repeat(ends, 5)
    assert (low + share)[:25, 0] == pytest.approx(100 * first, abs=0.04)
    assert (low + share)[:25, -1] == pytest.approx(99 - 100 * last, abs=0.04)
    assert len(shift) == 50 and share.min() >= 0 and share.max() <= 1
    assert np.abs(shift).max() == pytest.approx(0.035)
    assert np.abs(stretch).max() == pytest.approx(0.07)
    assert np.array_equal(shift[:25], -shift[25:]) and np.array_equal(stretch[:25], -stretch[25:])
    assert len(details._steps(256)[2]) == 128 and len(details._steps(64)[2]) == 32
    axis = details._axis(4)
    assert axis.tolist() == [-0.75, -0.25, 0.25, 0.75]


def form(fill: int, entry: int = 0, beside: int = 90) -> details.U8:
    """Return a white page with two filled boxes, a line of words and a mark."""
    made = np.full((120, 160), 255, np.uint8)
    made[10:50, 10:70], made[10:50, 90:150] = fill, beside
    made[70:76, 20:120:3] = 20
    made[90:100, 20 + 30 * entry : 34 + 30 * entry] = 60
    return details.soft(made)


def test_the_gain_of_a_brighter_page_is_told_by_what_became_white(way: str) -> None:
    page = form(232)
    brighter = np.minimum(page * 1.15, 255).astype(np.uint8)
    assert details._cut_gain(page, brighter) == pytest.approx(1.15, abs=0.02)
    assert details._cut_gain(page, page) == 1
    other = brighter.copy()
    other[10:50, 90:150] = 90  # a level that the gain does not explain
    assert details._cut_gain(page, other) == 1
    ragged = np.random.default_rng(2).integers(0, 256, (60, 60)).astype(np.uint8)
    assert details._cut_gain(ragged, ragged) == 1, "no level is flat"


def test_a_page_whose_light_tones_were_cut_off_is_the_same_and_another_entry_is_not(
    way: str,
) -> None:
    page = form(225)
    brighter = np.minimum(page * 1.15, 255).astype(np.uint8)
    assert brighter.mean() - page.mean() > details._BRIGHTENED
    assert same_picture(page, brighter, 16.5, drawn=True)
    other = np.minimum(form(225, entry=1) * 1.15, 255).astype(np.uint8)
    assert not same_picture(page, other, 16.5, drawn=True)


def test_a_place_is_refined_alike_both_ways() -> None:
    if details.compiled_passes() is None:
        pytest.skip("numba is not installed")
    rng = np.random.default_rng(6)
    for n in (9, 64, 256):
        left = np.cumsum(rng.normal(0, 5, n))
        right = np.interp(np.arange(n) * 1.01, np.arange(n), left) + rng.normal(0, 1, n)
        compiled = details._refined(left, right, 0.01, -0.01)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(details, "compiled_passes", lambda: None)
            assert details._refined(left, right, 0.01, -0.01) == pytest.approx(compiled, abs=1e-7)


@pytest.mark.parametrize("drawn", [False, True])
def test_a_copy_is_the_same_and_a_changed_one_is_not(way: str, drawn: bool) -> None:
    whole = photo()
    brighter = (whole * 0.85 + 20).astype(np.uint8)
    for copy in (whole, brighter, cropped(whole, 0.02, 0, 0.01, 0.015)):
        assert same_picture(whole, copy, 18.0, drawn) and same_picture(copy, whole, 18.0, drawn)
    changed = whole.copy()
    changed[100:112, 60:80] = np.where(whole[100:112, 60:80] > 128, 40, 215)
    assert not same_picture(whole, changed, 18.0, drawn)
    assert not same_picture(whole, photo(4), 18.0, drawn)


def test_pictures_of_two_sizes_are_compared_at_the_smaller(way: str) -> None:
    whole = photo()
    small = np.asarray(Image.fromarray(whole).resize((120, 100), Image.Resampling.BOX))
    assert same_picture(whole, small, 18.0, False) and same_picture(small, whole, 18.0, False)
    assert not same_picture(
        whole, np.asarray(Image.fromarray(photo(4)).resize((99, 90))), 18, False
    )


@pytest.mark.parametrize(("shape", "same"), [((7, 50), False), ((50, 7), False), ((8, 50), True)])
def test_a_narrow_detail_is_like_no_other(shape: tuple[int, int], same: bool) -> None:
    assert same_picture(blocks(*shape), blocks(*shape), 18.0, False) == same


def test_a_detail_is_at_most_256_pixels_along_each_axis() -> None:
    shapes = [(10, 20), (256, 256), (257, 100), (100, 500), (600, 700)]
    made = [details.detail(np.full(shape, 80, np.uint8)) for shape in shapes]
    sizes = [one.shape for one in made]
    assert sizes == [(10, 20), (256, 256), (256, 100), (100, 256), (256, 256)]
    assert all((one == 80).all() for one in made)
    levels = blocks(100, 90)
    assert np.array_equal(details.detail(levels), details.soft(levels))


@pytest.mark.parametrize(
    ("worst", "usual", "toned", "most", "drawn", "within"),
    [
        (18.0, 0.0, False, 18.0, False, True),
        (18.1, 9.0, False, 18.0, False, False),
        (4.0, 0.0, False, 18.0, True, True),
        (4.1, 0.0, False, 18.0, True, False),
        (7.2, 1.0, False, 18.0, True, True),
        (7.3, 1.0, False, 18.0, True, False),
        (18.1, 9.0, False, 18.0, True, False),
        (12.0, 0.0, True, 18.0, True, True),
        (12.1, 9.0, True, 18.0, True, False),
        (17.0, 0.0, True, 18.0, False, True),
    ],
)
def test_of_drawn_pictures_no_place_differs_by_more_than_edges_do(
    worst: float, usual: float, toned: bool, most: float, drawn: bool, within: bool
) -> None:
    assert Difference(worst, usual, toned).within(most, drawn) == within
