"""Streaming packing: rows full, pictures even, nothing lost, the same from any saved state."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.errors import CheckError
from cauldron.loader.packing import POOL, Measured, Packer, Size, next_row

LENGTH = 2048
Item = tuple[int, int]
SOURCES = ((0.35, 60, 64, 1), (0.2, 180, 320, 1), (0.25, 250, 320, 2), (0.2, 120, 64, 4))
"""Weight, median tokens of text, tokens and number of pictures, as in a mixture for Idefics2."""


def sizes(count: int, seed: int = 0) -> list[Size]:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(SOURCES), count, p=[source[0] for source in SOURCES])
    texts = np.exp(rng.normal(0, 0.8, count))
    found = []
    for number, factor in zip(chosen.tolist(), texts.tolist(), strict=True):
        _, text, cost, images = SOURCES[number]
        found.append(
            Size(tokens=min(int(text * factor) + 8 + cost * images, LENGTH), images=images)
        )
    return found


def packer(items: Sequence[Size], pieces: int = 1, images: int | None = None) -> Packer[Item]:
    """Return a packer over items that come again and again, each in `pieces` parts."""

    def measure(positions: Sequence[int]) -> list[Measured[Item]]:
        found = []
        for position in positions:
            size = items[position % len(items)]
            parts = tuple(((position, part), size) for part in range(pieces))
            found.append(
                Measured(items=parts if size.tokens else (), note="" if size.tokens else "x")
            )
        return found

    return Packer(measure, LENGTH, images)


def test_rows_are_full_to_half_a_percent_and_pictures_even() -> None:
    items = sizes(20_000)
    own = packer(items)
    rows = [own.take() for _ in range(3000)]
    tokens = [sum(items[p].tokens for p, _ in row) for row in rows]
    images = np.array([sum(items[p].images for p, _ in row) for row in rows])
    assert max(tokens) <= LENGTH
    assert 1 - sum(tokens) / (LENGTH * len(rows)) < 0.005
    assert np.quantile(images, 0.99) / images.mean() < 1.6


def test_no_sample_waits_longer_than_the_pool() -> None:
    own = packer(sizes(5000))
    seen = [p for _ in range(600) for p, _ in own.take()]
    assert max(seen[: len(seen)]) < own.reached <= len(seen) + POOL
    assert set(range(min(set(range(own.reached)) - set(seen)))) <= set(seen)


@given(
    tokens=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    images=st.integers(0, 3),
    pieces=st.integers(1, 3),
    stops=st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_every_item_stands_in_one_row_once_from_any_saved_state(
    tokens: list[int], images: int, pieces: int, stops: list[int]
) -> None:
    items = [Size(tokens=t, images=images) for t in tokens]
    whole = packer(items, pieces)
    expected = [whole.take() for _ in range(sum(stops))]
    found, state = [], None
    for stop in stops:
        own = packer(items, pieces)
        if state:
            own.load_state_dict(json.loads(state))
        found += [own.take() for _ in range(stop)]
        state = json.dumps(own.state_dict())
    assert found == expected
    taken = Counter(itertools.chain.from_iterable(expected))
    assert max(taken.values()) == 1
    waiting = {(w.position, w.part) for w in whole._pool}
    assert set(taken) | waiting == set(itertools.product(range(whole.reached), range(pieces)))


def test_a_budget_of_pictures_is_kept() -> None:
    items = sizes(3000)
    own = packer(items, images=5)
    for _ in range(400):
        row = own.take()
        assert sum(items[p].images for p, _ in row) <= 5


def test_a_sample_with_more_pictures_than_the_budget_still_comes() -> None:
    pool = [Size(tokens=500, images=9), Size(tokens=100, images=1), Size(tokens=90, images=0)]
    assert next_row(pool, 600, images=4) == [0, 2]


def test_what_gives_nothing_is_counted_once() -> None:
    own = packer([Size(tokens=0, images=0), *sizes(3)])
    for _ in range(50):
        own.take()
    assert own.notes["x"] == -(-own.reached // 4)
    again = packer([Size(tokens=0, images=0), *sizes(3)])
    again.load_state_dict(own.state_dict())
    assert not again.notes


def test_a_mixture_that_teaches_nothing_is_an_error() -> None:
    with pytest.raises(CheckError, match="nothing to learn in 100,000 samples"):
        packer([Size(tokens=0, images=0)]).take()
