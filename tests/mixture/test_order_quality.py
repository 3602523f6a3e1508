"""The order against a uniform shuffle, and that a poor one is seen."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.mixture.order import Order, Stage
from cauldron.mixture.order_quality import quality, quality_of

SHARES = (0.4, 0.2, 0.2, 0.2)
SIZES = (8000, 6000, 4000, 2000)


def order(seed: int) -> Order:
    return Order(seed, tuple("abcd"), SIZES, (Stage(shares=SHARES),))


@pytest.mark.parametrize("seed", range(8))
def test_sources_are_shuffled_as_if_by_chance_and_exact_at_every_prefix(seed: int) -> None:
    found = quality_of(order(seed))
    assert found["share_error"] <= 1
    assert found["rank_correlation"] <= found["rank_correlation_uniform"] < 0.1
    assert found["neighbour_ratio"] == pytest.approx(1, abs=0.3)


def test_rows_next_to_each_other_are_as_rare_as_in_numpys_own_shuffle() -> None:
    def ratio(rows: np.ndarray) -> float:
        source = np.zeros(len(rows), np.int64)
        return quality(source, rows, [len(rows)], [1.0])["neighbour_ratio"]

    size = 40_000
    ours = [
        ratio(Order(seed, ("a",), (size,), (Stage(shares=(1.0,)),)).samples_at(np.arange(size))[1])
        for seed in range(8)
    ]
    theirs = [ratio(np.random.default_rng(seed).permutation(size)) for seed in range(8)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.03)


def test_a_shuffle_inside_windows_is_told_from_a_uniform_one() -> None:
    rng, size = np.random.default_rng(0), 4096
    rows = np.concatenate([rng.permutation(256) + start for start in range(0, size, 256)])
    found = quality(np.zeros(size, np.int64), rows, [size], [1.0])
    assert found["rank_correlation"] > 0.9 > 2 * found["rank_correlation_uniform"]
    assert found["neighbour_ratio"] > 5
