"""The multi-index search finds exactly the pairs that comparing all with all finds."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate import hamming
from cauldron.curate.groups import smallest_members
from cauldron.curate.hamming import near_hashes, near_hashes_across


def hashes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return hashes of which a quarter are copies with some bits turned."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 1 << 64, n, dtype=np.uint64)
    fine = rng.integers(0, 1 << 64, (n, 4), dtype=np.uint64)
    for k in range(n // 4):
        coarse[n - 1 - k] = coarse[k]
        for bit in rng.choice(64, rng.integers(0, 15), replace=False):
            coarse[n - 1 - k] ^= np.uint64(1) << np.uint64(bit)
        fine[n - 1 - k] = fine[k]
    return coarse, fine


def compared(
    coarse: np.ndarray, fine: np.ndarray, radius: int, fine_radius: int
) -> list[list[int]]:
    near = np.bitwise_count(coarse[:, None] ^ coarse) <= radius
    near &= np.bitwise_count(fine[:, None] ^ fine).sum(axis=2) <= fine_radius
    return np.argwhere(np.triu(near, 1)).tolist()


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways through the buckets."""
    if request.param == "plain":
        monkeypatch.setattr(hamming, "_compiled", lambda: None)
    elif hamming._compiled() is None:
        pytest.skip("numba is not installed")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 6, 9, 16])
def test_both_ways_give_the_same_pairs(radius: int) -> None:
    coarse, fine = hashes(400)
    wanted = compared(coarse, fine, radius, 60)
    assert near_hashes(coarse, fine, radius, 60).tolist() == wanted
    assert near_hashes(coarse, fine, radius, 60, few=0).tolist() == wanted


def test_far_256_bit_hashes_are_no_pair() -> None:
    coarse, fine = np.zeros(2, np.uint64), np.zeros((2, 4), np.uint64)
    fine[1] = np.uint64(0xFF)
    assert len(near_hashes(coarse, fine, 4, 32)) == 1
    assert len(near_hashes(coarse, fine, 4, 31)) == 0
    assert near_hashes(coarse[:0], fine[:0], 4, 31).shape == (0, 2)


@pytest.mark.usefixtures("way")
def test_a_crowd_of_equal_hashes_is_bounded() -> None:
    coarse, fine = np.zeros(50, np.uint64), np.zeros((50, 4), np.uint64)
    pairs = near_hashes(coarse, fine, 2, 8, few=0, crowd=3)
    assert 49 <= len(pairs) <= 3 * 50
    assert {0, 49} <= set(pairs.ravel().tolist())


def test_of_a_crowd_only_the_nearest_are_paired_and_all_are_joined() -> None:
    coarse, fine = np.full(50, 7, np.uint64), np.full((50, 4), 9, np.uint64)
    pairs = near_hashes_across((coarse, fine), (coarse, fine), 4, 8, most=3)
    assert (np.bincount(pairs[:, 0]) == 3).all()
    assert (smallest_members(pairs, 50) == 0).all()
