"""Random changes of pictures: a function of the picture and its draw, for the asked share."""

from __future__ import annotations

import numpy as np

from cauldron.loader.augment import Augment, scanned
from cauldron.loader.pictures import Fit

PAGE = np.full((3, 40, 60), 255, np.uint8)
PAGE[:, 10:12, 5:50] = 0


def test_the_asked_share_is_enlarged_and_none_beyond_the_longest_side() -> None:
    augment = Augment(scale_share=0.3, scale_max=3.0)
    fits = [augment.scaled(Fit(longest=100), "a", str(n)) for n in range(2000)]
    factors = np.array([fit.scale for fit in fits])
    assert abs((factors > 1).mean() - 0.3) < 0.03
    grown = factors[factors > 1]
    assert grown.min() >= 1.5 and grown.max() <= 3
    assert np.median(grown) > 2.25
    assert max(fit.size(60, 40)[0] for fit in fits) == 100
    assert Fit(longest=400, scale=2.0).size(60, 40) == (120, 80)


def test_noise_falls_on_chosen_sources_alone() -> None:
    augment = Augment(noise_share=1.0, noise_sources=("pdf",))
    assert augment.spoilt(PAGE, "photos", "a") is PAGE
    assert not np.array_equal(augment.spoilt(PAGE, "pdf", "a"), PAGE)


def test_equal_draws_are_changed_alike_and_others_are_not() -> None:
    augment = Augment(seed=1, noise_share=1.0)
    first, again = (augment.spoilt(PAGE, "pdf", "a", "7") for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, augment.spoilt(PAGE, "pdf", "a", "8"))
    assert not np.array_equal(first, Augment(seed=2, noise_share=1.0).spoilt(PAGE, "pdf", "a", "7"))


def test_a_spoilt_line_can_still_be_read() -> None:
    for seed in range(20):
        found = scanned(PAGE, np.random.default_rng(seed)).astype(float)
        assert found.shape == PAGE.shape
        assert found[:, 10:12, 5:50].mean() + 60 < found[:, 20:, :].mean()
