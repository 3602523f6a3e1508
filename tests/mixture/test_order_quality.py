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


def of_one(rows: np.ndarray, size: int) -> dict[str, float]:
    return quality(np.zeros(len(rows), np.int64), rows, [size], [1.0])


def test_rows_in_order_are_ranked_alike_and_all_neighbours() -> None:
    size = 400
    steps = [(a, b) for a in range(size) for b in range(size) if a != b]
    expected = np.mean([abs(a - b) <= size // 40 for a, b in steps])
    for rows in (np.arange(size), np.arange(size)[::-1]):
        found = of_one(rows, size)
        assert found["rank_correlation"] == pytest.approx(1)
        assert found["neighbour_ratio"] == pytest.approx(1 / expected)


def test_rows_that_stride_by_their_reach_are_neighbours_and_by_more_are_not() -> None:
    for stride, near in ((10, True), (11, False)):
        rows = np.concatenate([np.arange(start, 400, stride) for start in range(stride)])
        jumps = np.abs(np.diff(rows))
        assert (of_one(rows, 400)["neighbour_ratio"] > 1) == near
        assert (jumps <= 10).any() == near


def test_only_the_first_pass_is_judged() -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.permutation(200), np.arange(200)])
    assert of_one(rows, 200) == of_one(rows[:200], 200)


def test_sources_with_few_draws_are_left_out() -> None:
    in_order = {size: of_one(np.arange(size), size) for size in (99, 100, 101)}
    assert in_order[99]["rank_correlation"] == 0 and in_order[99]["neighbour_ratio"] == 1
    ranks = [in_order[size]["rank_correlation"] for size in (100, 101)]
    assert ranks == pytest.approx([1, 1])
    bound = [in_order[n]["rank_correlation_uniform"] for n in (99, 100, 101)]
    assert bound[0] == bound[1] == pytest.approx(np.sqrt(2 * np.log(200)) / 10)
    assert bound[2] == pytest.approx(bound[0] * np.sqrt(100 / 101))


def test_the_bound_holds_for_all_sources_together() -> None:
    source = np.repeat([0, 1], 200)
    rows = np.concatenate([np.arange(200), np.random.default_rng(0).permutation(200)])
    found = quality(source, rows, [200, 200], [0.5, 0.5])
    assert found["rank_correlation_uniform"] == pytest.approx(np.sqrt(2 * np.log(400) / 200))
    assert found["rank_correlation"] == pytest.approx(1), "of the worst source"
    assert found["neighbour_ratio"] > 5
    assert found["share_error"] == 100, "half of the draws of the first, before the other begins"


def test_the_share_error_is_the_largest_of_any_source_at_any_prefix() -> None:
    source = np.array([0, 1, 1, 1, 2, 2])
    found = quality(source, np.zeros(6, np.int64), [6, 6, 6], [0.5, 0.25, 0.25])
    assert found["share_error"] == 2.0, "the first has 1 of 6 draws, and is due 3"


def test_draws_are_judged_within_the_first_stage() -> None:
    stages = (Stage(shares=(1.0, 0.0), samples=300), Stage(shares=(0.0, 1.0)))
    staged = Order(1, ("a", "b"), (500, 500), stages)
    assert quality_of(staged)["share_error"] == 0
    assert quality_of(staged, 200) == quality_of(order_alone(), 200)
    assert quality_of(staged) == quality_of(order_alone(), 300)


def order_alone() -> Order:
    return Order(1, ("a", "b"), (500, 500), (Stage(shares=(1.0, 0.0)),))
