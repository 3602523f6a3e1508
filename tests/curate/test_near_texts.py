"""Pairs of near texts: all that are there, none that are not, on any order."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate import near_texts as near_texts_module
from cauldron.curate.near_texts import (
    band_keys,
    banding,
    candidates,
    jaccards,
    margin,
    near_texts,
    same_keys,
)
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


def test_a_similarity_that_bands_cannot_find_is_sought_by_single_values() -> None:
    assert banding(0.001) == (128, 1) and banding(0.06) == (128, 1)


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


def kinds(number: int, most: int) -> np.ndarray:
    """Return keys of few kinds, many of them alike in their upper bits."""
    few = CHANCE.integers(0, 1 << 64, most, dtype=np.uint64)
    few[::2] = few[0] ^ np.arange(len(few[::2]), dtype=np.uint64)
    return few[CHANCE.integers(0, most, number)]


@pytest.mark.parametrize(
    ("number", "most"), [(1, 1), (2, 1), (3, 2), (40, 5), (200, 90), (50, 900)]
)
def test_equal_keys_are_paired_with_the_one_before_and_the_first(number: int, most: int) -> None:
    keys = kinds(number, most)
    wanted = set()
    for key in set(keys.tolist()):
        own = np.flatnonzero(keys == key).tolist()
        wanted |= {(own[k - 1], own[k]) for k in range(1, len(own))}
        wanted |= {(own[0], other) for other in own[1:]}
    one, two = same_keys(keys)
    assert set(zip(one.tolist(), two.tolist(), strict=True)) == wanted


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_few_sketches_have_few_candidates(number: int) -> None:
    made = np.tile(CHANCE.integers(0, 99, 128).astype(np.uint32), (number, 1))
    found = candidates(made, 4, 32)
    assert found.shape[1] == 2 and len(found) == max(2 * number - 3, number // 2)
    assert candidates(np.arange(number * 128, dtype=np.uint32).reshape(-1, 128), 4, 32).shape == (
        0,
        2,
    )


def test_keys_of_a_band_depend_on_its_values_in_order_and_on_the_band() -> None:
    made = CHANCE.integers(0, 1 << 32, (4, 128), dtype=np.uint64).astype(np.uint32)
    made[1, :6] = made[0, :6]
    made[2, :6] = made[0, :6][::-1]
    made[3, 6:12] = made[0, :6]
    keys = band_keys(made, 2, 6)
    assert keys.shape == (2, 4) and keys[0, 0] == keys[0, 1] != keys[0, 2]
    assert keys[0, 0] != keys[1, 3] and keys[1, 0] != keys[1, 1]
    assert (band_keys(made[2:], 2, 6) == keys[:, 2:]).all()


def test_what_is_unclear_is_within_three_deviations_of_an_estimate() -> None:
    assert margin(0.8) == pytest.approx(3 * (0.8 * 0.2 / 128) ** 0.5)
    assert margin(1.0) == 0


@pytest.mark.parametrize("tags", [1, 2, 12])
def test_similarities_are_those_of_the_sets_of_shingles(
    monkeypatch: pytest.MonkeyPatch, tags: int
) -> None:
    monkeypatch.setattr(near_texts_module, "_TAG_BITS", tags)
    monkeypatch.setattr(near_texts_module, "_BLOCK", 7)
    base = text(30)
    texts = [" ".join(base[:k] + text(2) + base[k:]) for k in range(0, 30, 4)]
    texts += [" ".join(base), " ".join(base + base), " ".join(text(30))]
    pairs = np.array([(a, b) for a in range(len(texts)) for b in range(len(texts)) if a != b])
    found = jaccards(pairs, lambda numbers: [texts[k] for k in numbers])
    assert found == pytest.approx([jaccard(texts[a], texts[b]) for a, b in pairs])
    assert jaccards(pairs[:0], lambda numbers: []).shape == (0,)
