"""Thumbnails and their hashes: the same in any batch, near for near pictures."""

from __future__ import annotations

import numpy as np

from cauldron.media.resizing import squared
from cauldron.signals.thumbs import THUMB_SIDE, thumb_hashes


def thumbs(number: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (number, THUMB_SIDE, THUMB_SIDE)).astype(np.uint8)


def test_a_thumbnail_holds_the_means_of_areas() -> None:
    found = squared(np.kron(np.eye(2), np.full((64, 96), 200)).astype(np.uint8), THUMB_SIDE)
    assert found.shape == (64, 64)
    assert found[0, 0] == 200 and found[0, 63] == 0 and found[63, 63] == 200


def test_hashes_do_not_depend_on_the_batch() -> None:
    made = thumbs(9)
    fine, coarse = thumb_hashes(made)
    for number in range(9):
        alone = thumb_hashes(made[number : number + 1])
        assert (alone[0][0] == fine[number]).all() and alone[1][0] == coarse[number]


def test_hashes_of_a_brighter_picture_are_near_and_of_another_far() -> None:
    one, two = thumbs(2) // 2
    fine, coarse = thumb_hashes(np.stack([one, one + 40, two]))
    bits = np.bitwise_count(fine[0] ^ fine).sum(axis=1)
    assert bits[1] <= 2 and bits[2] > 60
    assert np.bitwise_count(coarse[0] ^ coarse[1]) <= 2


def test_a_blank_picture_has_no_bits() -> None:
    fine, coarse = thumb_hashes(np.full((1, 64, 64), 255, np.uint8))
    assert not fine.any() or np.bitwise_count(fine).sum() == 1
    assert np.bitwise_count(coarse).sum() <= 1
