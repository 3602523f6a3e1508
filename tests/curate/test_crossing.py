"""Turned and mirrored pictures: a crowd of near ones takes few pairs, and all are joined."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate import crossing
from cauldron.curate.crossing import _cosines, _turned, _windows
from cauldron.curate.groups import smallest_members
from cauldron.signals.thumbs import looks_of_grey


def scenes(number: int) -> np.ndarray:
    """Return blotches without symmetry: [n, 64, 64]."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (number, 6, 6)).repeat(11, 1).repeat(11, 2)
    return coarse[:, 1:65, 1:65].astype(np.uint8)


def held(thumbs: np.ndarray) -> list[bytes]:
    return [look.tobytes() for look in looks_of_grey(thumbs)]


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
    runs = list(_windows(looks_of_grey(both), held(both), crowd=16))
    assert max(map(len, runs)) <= 16
    assert set(np.concatenate(runs).tolist()) == set(range(120))
    together = [any({n, n + 60} <= set(run.tolist()) for run in runs) for n in range(60)]
    assert all(together)


def test_samples_are_alike_when_each_of_their_pictures_is() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(size=(2, 16))
    vectors = [base + rng.normal(size=base.shape) * s for s in (0, 0.01, 0.3, 0.6, 2)]
    vectors.append(np.stack([base[0], rng.normal(size=16)]))
    vectors.append(base * 50)
    given = [v.astype(np.float16).tobytes() for v in vectors]
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    for least in (0.5, 0.9, 0.99):
        pairs, values = _cosines(given, 2, least)
        wanted = {
            (a, b): (units[a] * units[b]).sum(axis=1).min()
            for a in range(7)
            for b in range(a + 1, 7)
        }
        wanted = {pair: value for pair, value in wanted.items() if value >= least}
        found = dict(zip(map(tuple, pairs.tolist()), values.tolist(), strict=True))
        assert found.keys() == wanted.keys() and len(wanted) > 2
        assert all(found[p] == pytest.approx(wanted[p], abs=5e-3) for p in wanted)


@pytest.mark.parametrize("block", [1, 3, 512])
def test_cosines_are_the_same_block_by_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    rng = np.random.default_rng(5)
    given = [v.astype(np.float16).tobytes() for v in rng.normal(size=(40, 1, 4))]
    whole = _cosines(given, 1, 0.8)
    monkeypatch.setattr(crossing, "_BLOCK", block)
    again = _cosines(given, 1, 0.8)
    assert sorted(map(tuple, again[0].tolist())) == sorted(map(tuple, whole[0].tolist()))


def test_of_many_samples_those_near_the_same_few_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crossing, "CROWD", 20)
    rng = np.random.default_rng(6)
    base = rng.normal(size=(60, 8))
    both = np.concatenate([base, base + rng.normal(size=base.shape) * 0.01]).astype(np.float32)
    given = [row.astype(np.float16).tobytes() for row in both]
    crowds = [set(crowd.tolist()) for crowd in crossing._crowds(both, given)]
    assert len(crowds) > 5 and max(map(len, crowds)) < 120
    assert set.union(*crowds) == set(range(120))
    together = sum(any({n, n + 60} <= crowd for crowd in crowds) for n in range(60))
    assert together >= 55
    (few,) = crossing._crowds(both[:20], given[:20])
    assert few.tolist() == list(range(20))


def test_samples_of_several_pictures_are_turned_copies_when_all_are() -> None:
    made = scenes(4)
    turned = np.rot90(made, 1, axes=(1, 2))
    given = [
        made[[0, 1]], turned[[0, 1]], turned[[0, 2]], turned[[3, 1]], made[[0, 1]][:, :, ::-1]
    ]  # fmt: skip
    pairs, values = _turned([looks_of_grey(g).tobytes() for g in given], 2, 12, 64)
    found = set(map(tuple, pairs.tolist()))
    assert found == {(0, 1), (0, 4), (1, 4)} and (values <= 64).all() and len(values) == 3
