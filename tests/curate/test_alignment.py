"""Thumbnails laid over each other: each step against what it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate import alignment
from cauldron.curate.alignment import (
    fits,
    flat_share,
    largest_differences,
    likeness,
    pooled,
    same_tints,
)


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def soft(seed: int, n: int = 64, x: float = 0, y: float = 0, stretch: float = 0) -> np.ndarray:
    """Return waves between 50 and 200, moved and stretched by parts of half a side."""
    rng = np.random.default_rng(seed)
    axis = (np.arange(n) - (n - 1) / 2) / (n / 2)
    across, down = x + (1 + stretch) * axis, y + axis
    out = np.zeros((n, n))
    for _ in range(6):
        u, v, phase, most = *rng.uniform(-4, 4, 2), rng.uniform(0, 6), rng.uniform(5, 20)
        out += most * np.sin(u * across[None, :] + v * down[:, None] + phase)
    return np.clip(125 + out, 50, 200).astype(np.uint8)


@pytest.mark.parametrize("side", [8, 16, 32, 64])
def test_pooling_takes_means(side: int) -> None:
    thumbs = noise(3, 64, 64)
    step = 64 // side
    wanted = thumbs.reshape(3, side, step, side, step).mean((2, 4))
    assert pooled(thumbs, side) == pytest.approx(wanted)


def test_smoothing_is_1_2_1_along_both_axes() -> None:
    values = noise(2, 6, 9).astype(np.float32)
    wide = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
    once = (wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]) / 4
    assert alignment._smooth(values) == pytest.approx(
        (once[:, :-2] + 2 * once[:, 1:-1] + once[:, 2:]) / 4
    )


def test_moves_are_slopes_in_half_sides_and_those_times_the_place() -> None:
    y, x = np.mgrid[:20, :32].astype(np.float32)
    along_x, wider, along_y, higher = alignment._moves((3 * x + 5 * y)[None])
    assert (along_x == 3 * 16).all() and (along_y == 5 * 10).all()
    at_x, at_y = (np.arange(32) - 15.5) / 16, (np.arange(20) - 9.5) / 10
    assert wider[0] == pytest.approx(np.tile(48 * at_x, (20, 1)))
    assert higher[0] == pytest.approx(np.tile(50 * at_y[:, None], (1, 32)))


def test_a_flat_share_is_that_of_two_grey_levels_and_those_next_to_them() -> None:
    thumbs = noise(5, 64, 64)
    thumbs[0] = 200
    thumbs[1, :32] = np.array([*range(100, 107)] * 4 + [103] * 4)[:, None]
    thumbs[1, 32:] = 5
    thumbs[2] = np.arange(64)[:, None] * 4
    thumbs[3, 1:] = np.where(np.arange(64) % 2, 0, 255)
    found = flat_share(thumbs, np.array([0, 1, 2, 3]))
    assert found[[0, 1, 4]].tolist() == [1, 1, 0]
    assert found[2] == pytest.approx(2 / 64) and found[3] > 63 / 64
    thumbs[0, :8] = np.array([196, 197, 203, 204] * 16)
    assert flat_share(thumbs, np.array([0]))[0] == (56 * 64 + 256 + 128) / 4096


def test_pictures_are_alike_by_the_correlation_of_what_is_coarse() -> None:
    one = soft(1)
    thumbs = np.stack([one, (one * 0.5 + 60).astype(np.uint8), soft(2), 255 - one, soft(1, x=0.05)])
    pairs = np.array([(0, 1), (0, 2), (0, 3), (0, 4), (1, 4)])
    assert (likeness(thumbs, pairs) >= 0.85).tolist() == [True, False, False, True, True]
    assert likeness(thumbs, pairs[:0]).shape == (0,)
    coarse = alignment._smooth(pooled(thumbs, 16)).reshape(5, -1)
    for seed in range(3, 40):
        thumbs[1] = (one * 0.6 + soft(seed) * 0.4).astype(np.uint8)
        coarse[1] = alignment._smooth(pooled(thumbs[1:2], 16)).reshape(-1)
        assert likeness(thumbs, pairs[:1])[0] == pytest.approx(
            np.corrcoef(coarse[:2])[0, 1], abs=1e-4
        )


def test_many_pairs_are_judged_as_alone() -> None:
    thumbs = np.stack([soft(seed) for seed in range(6)] + [soft(0, x=0.03)])
    pairs = np.array([(a, b) for a in range(7) for b in range(7)] * 11)
    one = np.array([fits(thumbs, pairs[k : k + 1]) for k in range(49)])[:, :, 0]
    fit, worst = fits(thumbs, pairs)
    assert fit == pytest.approx(np.tile(one[:, 0], 11), abs=1e-4)
    assert worst == pytest.approx(np.tile(one[:, 1], 11), abs=1e-2)
    many = np.tile(pairs[:49], (700, 1))
    assert likeness(thumbs, many) == pytest.approx(np.tile(likeness(thumbs, pairs[:49]), 700))
    assert [part.shape for part in fits(thumbs, pairs[:0])] == [(0,), (0,)]


@pytest.mark.parametrize(
    ("moved", "least"),
    [({}, 0.99), ({"x": 0.04}, 0.97), ({"y": -0.04}, 0.97), ({"stretch": 0.05}, 0.97)],
)
def test_a_copy_is_explained_by_gain_offset_shift_and_stretch(
    moved: dict[str, float], least: float
) -> None:
    whole, copy = soft(5), soft(5, **moved)
    for other in (
        copy,
        (copy * 0.7 + 20).astype(np.uint8),
        (copy.astype(int) + 40).astype(np.uint8),
    ):
        fit, worst = fits(np.stack([whole, other]), np.array([(0, 1), (1, 0)]))
        assert fit[0] == fit[1] > least and worst[0] == worst[1] < 6
    fit, worst = fits(np.stack([whole, soft(6)]), np.array([(0, 1)]))
    assert fit[0] < 0.5 and worst[0] > 20


def test_a_changed_place_is_the_largest_difference() -> None:
    whole = soft(5)
    changed = whole.astype(int)
    changed[20:32, 20:32] += 50
    fit, worst = fits(np.stack([whole, changed.astype(np.uint8)]), np.array([(0, 1)]))
    assert 35 < worst[0] < 52 and fit[0] < 0.9


def test_levels_that_were_cut_off_say_little() -> None:
    one = soft(7).astype(float)
    bright = np.minimum(one * 1.9, 255).astype(np.uint8)
    assert (bright == 255).mean() > 0.2
    fit, _ = fits(np.stack([one.astype(np.uint8), bright]), np.array([(0, 1)]))
    dark = np.maximum(one * 1.9 - 200, 0).astype(np.uint8)
    low, _ = fits(np.stack([dark, one.astype(np.uint8)]), np.array([(0, 1)]))
    assert fit[0] > 0.8 and low[0] > 0.85


def test_the_measure_of_what_is_left_never_changes() -> None:
    """Thresholds are made for these values: others need other thresholds."""
    thumbs = np.stack(
        [soft(5), soft(5, x=0.05), soft(5, y=0.06, stretch=-0.05), soft(6), noise(64, 64)]
    )
    fit, worst = fits(thumbs, np.array([(0, 1), (0, 2), (1, 2), (0, 3), (3, 4)]))
    assert fit == pytest.approx([0.9902, 0.9828, 0.967, 0.1812, 0.005], abs=1e-3)
    assert worst == pytest.approx([0.55, 0.71, 1.91, 44.27, 68.95], abs=0.05)


def test_the_largest_difference_leaves_out_gain_and_offset() -> None:
    one = noise(1, 64, 64)[0] // 2
    other = one.copy()
    other[5, 6] += 40
    thumbs = np.stack([one, (one * 1.5 + 20).astype(np.uint8), other])
    found = largest_differences(thumbs, np.array([[0, 1], [0, 2], [0, 0]]))
    assert found[0] < 2 and 35 < found[1] < 45 and found[2] < 0.1
    assert largest_differences(thumbs, np.zeros((0, 2), np.int64)).shape == (0,)


def test_tints_may_be_stronger_or_moved_a_little_and_are_no_others() -> None:
    ramp = np.linspace(-60, 60, 8)[None, :].repeat(8, 0)
    one = np.stack([ramp, -ramp]) + 128
    moved = np.stack([ramp + 5, -ramp - 5]) + 128
    spot = one.copy()
    spot[0, 3, 3] += 60
    made = (one, (one - 128) * 1.2 + 128, moved, one[::-1], spot, np.full((2, 8, 8), 128))
    tints = np.clip(np.stack(made), 0, 255).astype(np.uint8)
    pairs = np.array([[0, n] for n in range(6)])
    assert same_tints(tints, pairs).tolist() == [True, True, True, False, False, False]
    assert same_tints(tints, pairs[:0]).shape == (0,)
