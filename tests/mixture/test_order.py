"""The order rule: exact shares in every prefix, every epoch a permutation, positions alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.mixture.order import Order, permuted, whole_draws

SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=6)


def order_of(sizes: list[int], draws: list[int], seed: int = 1) -> Order:
    return Order(seed, tuple(f"s{n}" for n in range(len(sizes))), tuple(sizes), tuple(draws))


@given(n=st.integers(1, 5000), key=st.integers(0, 2**63))
@settings(max_examples=60, deadline=None)
def test_permuted_is_a_permutation(n: int, key: int) -> None:
    images = permuted(np.arange(n, dtype=np.int64), n, key)
    assert sorted(images.tolist()) == list(range(n))


def test_two_keys_give_two_permutations() -> None:
    places = np.arange(1000, dtype=np.int64)
    assert (permuted(places, 1000, 1) != permuted(places, 1000, 2)).mean() > 0.9


@given(sizes=SIZES, data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_prefix_holds_each_source_within_two_draws_of_its_share(
    sizes: list[int], data: st.DataObject
) -> None:
    draws = [data.draw(st.integers(1, 40)) for _ in sizes]
    order = order_of(sizes, draws)
    source, _, _ = order.samples_at(np.arange(3 * sum(draws)))
    for number, drawn in enumerate(draws):
        seen = np.cumsum(source == number)
        due = np.arange(1, len(source) + 1) * drawn / sum(draws)
        assert np.abs(seen - due).max() < 2


@given(sizes=SIZES, data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_epoch_shows_every_sample_once(sizes: list[int], data: st.DataObject) -> None:
    draws = [data.draw(st.integers(1, 20)) for _ in sizes]
    order = order_of(sizes, draws)
    periods = -(-2 * max(sizes) // min(draws)) + 1
    source, row, epoch = order.samples_at(np.arange(periods * sum(draws)))
    for number, size in enumerate(sizes):
        first = row[(source == number) & (epoch == 0)]
        assert sorted(first.tolist()) == list(range(size))


@given(start=st.integers(0, 10_000), count=st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_a_position_gives_the_same_sample_whatever_is_asked_with_it(start: int, count: int) -> None:
    order = order_of([7, 100, 33], [5, 90, 20])
    together = order.samples_at(np.arange(start, start + count))
    alone = [order.samples_at(p) for p in range(start, start + count)]
    for part in range(3):
        assert together[part].tolist() == [int(a[part][0]) for a in alone]


def test_another_seed_gives_another_order() -> None:
    one, two = (order_of([500], [1], seed).samples_at(np.arange(500))[1] for seed in (1, 2))
    assert one.tolist() != two.tolist()


@given(shares=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60))
@settings(max_examples=80, deadline=None)
def test_whole_draws_are_within_one_of_the_share(shares: list[float]) -> None:
    draws = whole_draws(shares)
    exact = np.array(shares) / sum(shares) * (1 << 16)
    assert min(draws) >= 1
    assert np.all(np.array(draws) - exact < 1 + 1e-6)


def test_shares_without_a_sum_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        whole_draws([0.0, 0.0])
