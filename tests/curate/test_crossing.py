"""Turned and mirrored pictures: a crowd of near ones takes few pairs, and all are joined."""

from __future__ import annotations

import numpy as np

from cauldron.curate.crossing import _turned, _windows
from cauldron.curate.groups import smallest_members


def scenes(number: int) -> np.ndarray:
    """Return blotches without symmetry: [n, 64, 64]."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (number, 6, 6)).repeat(11, 1).repeat(11, 2)
    return coarse[:, 1:65, 1:65].astype(np.uint8)


def held(thumbs: np.ndarray) -> list[bytes]:
    return [thumb.tobytes() for thumb in thumbs]


def test_a_crowd_of_turned_copies_is_joined_by_few_pairs() -> None:
    scene = scenes(1)[0].astype(int)
    noise = np.random.default_rng(1).integers(-2, 3, (200, 64, 64))
    thumbs = np.clip(scene + noise, 0, 255).astype(np.uint8)
    thumbs[100:] = thumbs[100:].transpose(0, 2, 1)
    pairs, _ = _turned(held(thumbs), 1, 12, 64)
    assert (smallest_members(pairs, 200) == 0).all()
    assert len(pairs) <= 200 * 32 * 2


def test_runs_of_those_alike_hold_turned_copies_together() -> None:
    thumbs = scenes(60)
    both = np.concatenate([thumbs, thumbs[:, ::-1].transpose(0, 2, 1)])
    runs = list(_windows(both, held(both), crowd=16))
    assert max(map(len, runs)) <= 16
    assert set(np.concatenate(runs).tolist()) == set(range(120))
    together = [any({n, n + 60} <= set(run.tolist()) for run in runs) for n in range(60)]
    assert all(together)
