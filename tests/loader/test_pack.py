"""Packing: nothing lost, nothing longer than a row, nothing learned across samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauldron.loader.pack import IGNORED, best_fit, cut, pack
from cauldron.loader.tokens import FAKE_ID, IMAGE_ID, Encoded

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def encoded(ids: list[int]) -> Encoded:
    """Return a text sample in which every token carries loss."""
    array = np.array(ids, dtype=np.int64)
    return Encoded(ids=array, supervised=np.ones(len(ids), dtype=bool), images=0)


def of_length(*lengths: int) -> list[Encoded]:
    """Return samples whose tokens are 100 n + place."""
    return [encoded([100 * n + 100 + k for k in range(length)]) for n, length in enumerate(lengths)]


@given(LENGTHS)
def test_every_sample_stands_whole_in_one_row(lengths: list[int]) -> None:
    samples = of_length(*lengths)
    packed = pack(samples, 40)
    for n, sample in enumerate(samples):
        rows, places = np.nonzero(packed.sample == n)
        assert len(set(rows)) == 1
        assert packed.ids[rows, places].tolist() == sample.ids.tolist()
        assert packed.positions[rows, places].tolist() == list(range(lengths[n]))


@given(LENGTHS)
def test_rows_hold_no_more_than_the_length(lengths: list[int]) -> None:
    packed = pack(of_length(*lengths), 40)
    assert packed.ids.shape[1] <= 40
    assert (packed.sample >= 0).sum() == sum(lengths)


@given(LENGTHS)
def test_the_order_of_samples_is_that_of_the_rows(lengths: list[int]) -> None:
    packed = pack(of_length(*lengths), 40)
    seen = packed.sample[packed.sample >= 0]
    assert tuple(dict.fromkeys(seen.tolist())) == packed.order


def test_the_first_token_of_each_sample_is_not_predicted() -> None:
    packed = pack(of_length(5, 4, 3), 12)
    assert packed.targets.tolist() == [
        [IGNORED, 101, 102, 103, 104, IGNORED, 201, 202, 203, IGNORED, 301, 302]
    ]


def test_padding_is_not_predicted() -> None:
    packed = pack(of_length(5, 4, 4), 6)
    assert (packed.targets[packed.sample < 0] == IGNORED).all() and (packed.sample < 0).any()


def test_best_fit_fills_the_fullest_row_that_holds_an_item() -> None:
    assert best_fit([6, 5, 4, 3, 2], 10) == [[0, 2], [1, 3, 4]]


def test_a_sample_longer_than_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="found 41"):
        pack(of_length(41), 40)


def test_a_cut_never_falls_inside_a_picture() -> None:
    picture = [FAKE_ID, IMAGE_ID, IMAGE_ID, FAKE_ID]
    whole = encoded([1, *picture, 50, 51, *picture, 52])
    found = {length: cut(whole, length, 2) for length in range(2, 13)}
    assert {k: len(v.ids) for k, v in found.items()} == {
        **{2: 1, 3: 1, 4: 1, 5: 5, 6: 6, 7: 7},
        **{8: 7, 9: 7, 10: 7, 11: 11, 12: 12},
    }
    assert [found[length].images for length in (4, 5, 10, 11)] == [0, 1, 1, 2]
