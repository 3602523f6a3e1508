"""Thumbnails of structured pictures laid over each other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cauldron.curate import details, thumbs_laid
from cauldron.curate.thumbs_laid import brightness, laid


def page(seed: int, cut: tuple[float, float, float, float] = (0, 0, 0, 0)) -> np.ndarray:
    """Return a thumbnail of lines of words, of which each side may be cropped by a share."""
    rng = np.random.default_rng(seed)
    made = np.full((512, 512), 255, np.uint8)
    for line in range(12):
        x = 30
        while x < 420:
            wide = int(rng.integers(20, 70))
            made[40 + 36 * line : 54 + 36 * line, x : x + wide] = rng.integers(0, 120)
            x += wide + 14
    left, top, right, low = (int(512 * share) for share in cut)
    part = Image.fromarray(made[top : 512 - low, left : 512 - right])
    return np.asarray(part.resize((64, 64), Image.Resampling.BOX))


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways through the pixels."""
    if request.param == "plain":
        monkeypatch.setattr(details, "compiled_passes", lambda: None)
        monkeypatch.setattr(thumbs_laid, "compiled_passes", lambda: None)
    elif details.compiled_passes() is None:
        pytest.skip("numba is not installed")


CUTS = [(0.02, 0.02, 0.02, 0.02), (0.03, 0, 0, 0), (0, 0, 0.01, 0.03), (0, 0, 0, 0)]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("cut", CUTS)
def test_a_cropped_page_is_laid_over_the_whole_and_another_is_not(cut: tuple[float, ...]) -> None:
    thumbs = np.stack([page(1), page(1, cut), page(2)])  # type: ignore[arg-type]
    close, worst = laid(thumbs, np.array([(0, 1), (1, 0), (0, 2), (2, 1)]), -1.0, 1.0)
    assert close[:2].min() > 0.97 and worst[:2].max() < 14
    assert close[2:].max() < 0.97 and worst[2:].min() > 20
    assert close[0] == close[1] and worst[0] == worst[1]


@pytest.mark.usefixtures("way")
def test_what_correlates_little_is_not_looked_at_further() -> None:
    thumbs = np.stack([page(1), page(2)])
    close, worst = laid(thumbs, np.array([(0, 1)]), 0.999, 1.0)
    assert close[0] < 0.999 and worst[0] == np.inf
    assert [part.shape for part in laid(thumbs, np.zeros((0, 2), np.int64), 0.9, 1.0)] == [(0,)] * 2


def test_both_ways_find_the_same() -> None:
    if details.compiled_passes() is None:
        pytest.skip("numba is not installed")
    thumbs = np.stack([page(1), page(1, CUTS[0]), page(1, CUTS[1]), page(2), page(3)])
    pairs = np.array([(a, b) for a in range(5) for b in range(5)])
    compiled = laid(thumbs, pairs, 0.9, 0.985)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details, "compiled_passes", lambda: None)
        patch.setattr(thumbs_laid, "compiled_passes", lambda: None)
        plain = laid(thumbs, pairs, 0.9, 0.985)
    assert compiled[0] == pytest.approx(plain[0], abs=2e-3)
    assert compiled[1] == pytest.approx(plain[1], abs=0.5)


def test_brightness_is_the_mean() -> None:
    thumbs = np.stack([page(1), page(2)])
    assert brightness(thumbs) == pytest.approx(thumbs.mean(axis=(1, 2)))
