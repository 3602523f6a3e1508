"""Pairs of near texts: all that are there, none that are not, on any order."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate.near_texts import banding, candidates, near_texts
from cauldron.signals.sketch import sketches

CHANCE = np.random.default_rng(5)


def text(words: int) -> list[str]:
    return [f"w{n}" for n in CHANCE.integers(0, 50_000, words)]


def jaccard(a: str, b: str) -> float:
    one, two = ({tuple(s.split()[k : k + 5]) for k in range(len(s.split()) - 4)} for s in (a, b))
    return len(one & two) / len(one | two)


def planted(number: int) -> tuple[list[str], set[tuple[int, int]]]:
    """Return texts, and the pairs of a text and its copy with up to 12 words replaced."""
    texts, pairs = [], set()
    for n in range(number):
        words = text(200)
        copy = list(words)
        for place in CHANCE.integers(0, 200, n % 13):
            copy[place] = "new"
        texts += [" ".join(words), " ".join(copy)]
        pairs.add((2 * n, 2 * n + 1))
    return texts, pairs


@pytest.mark.parametrize("target", [0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_miss_no_more_than_said_and_are_as_long_as_that_allows(target: float) -> None:
    bands, rows = banding(target)
    assert (1 - target**rows) ** bands <= 1e-3 and bands * rows <= 128
    longer = 128 // (rows + 1)
    assert rows == 128 or (1 - target ** (rows + 1)) ** longer > 1e-3


def test_all_near_pairs_are_found_and_no_other() -> None:
    texts, pairs = planted(300)
    near = {pair for pair in pairs if jaccard(texts[pair[0]], texts[pair[1]]) >= 0.8}
    assert 20 < len(near) < 300 - 20
    found, values = near_texts(sketches(texts)[0], 0.8, lambda n: [texts[k] for k in n])
    got = {(int(a), int(b)) for a, b in found}
    assert got <= pairs and len(got ^ near) <= 2
    true = [jaccard(texts[a], texts[b]) for a, b in found]
    assert np.abs(values - true).max() < 0.2


def test_unclear_pairs_are_judged_by_their_texts() -> None:
    texts, _ = planted(200)
    asked: set[int] = set()

    def texts_of(numbers: np.ndarray) -> list[str]:
        asked.update(numbers.tolist())
        return [texts[k] for k in numbers]

    found, values = near_texts(sketches(texts)[0], 0.8, texts_of)
    assert 0 < len(asked) < len(texts)
    for (a, b), value in zip(found, values, strict=True):
        if a in asked and b in asked:
            assert value == pytest.approx(jaccard(texts[a], texts[b]))


def test_many_equal_texts_make_few_pairs() -> None:
    same = " ".join(text(50))
    found, _ = near_texts(sketches([same] * 500)[0], 0.8, lambda n: [same] * len(n))
    assert 499 <= len(found) < 1000


@pytest.mark.parametrize("at_once", [1, 7, 100, 10_000])
def test_keys_sorted_in_parts_give_the_same_candidates(at_once: int) -> None:
    made = sketches(planted(100)[0])[0]
    assert (candidates(made, 20, 6, at_once) == candidates(made, 20, 6)).all()
