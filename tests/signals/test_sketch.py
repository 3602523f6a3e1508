"""Sketches against the similarity of shingle sets, in both kernels and any batching."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.signals import sketch
from cauldron.signals.said import normalised

WORDS = [f"word{n}" for n in range(400)]


def replaced(place: int) -> str:
    return " ".join([*WORDS[:place], "other", *WORDS[place + 1 :]])


def test_equal_values_estimate_the_similarity_of_shingles() -> None:
    made, _ = sketch.sketches([" ".join(WORDS), replaced(200)])
    jaccard = (396 - 5) / (396 + 5)
    assert sketch.similarity(made[:1], made[1:])[0] == pytest.approx(jaccard, abs=0.05)


def test_one_changed_word_changes_few_values_wherever_it_stands() -> None:
    made, _ = sketch.sketches([" ".join(WORDS), *(replaced(k) for k in range(0, 400, 2))])
    assert sketch.similarity(made[1:], made[:1]).min() > 0.9


def test_estimates_of_short_texts_are_right_on_average() -> None:
    """Texts of 12 words leave most bins empty; what fills them must not favour either side."""
    rng = np.random.default_rng(3)
    texts, true = [], []
    for _ in range(400):
        words = [f"v{n}" for n in rng.integers(0, 10**9, 13)]
        texts += [" ".join(words[:12]), " ".join(words[1:])]
        true.append(7 / 9)
    made, _ = sketch.sketches(texts)
    estimate = sketch.similarity(made[0::2], made[1::2])
    assert estimate.mean() == pytest.approx(np.mean(true), abs=0.03)


def test_a_text_under_five_words_has_no_sketch() -> None:
    assert sketch.sketches(["one two three four", "a b c d e", ""])[1].tolist() == [
        False,
        True,
        False,
    ]


def test_white_space_case_and_width_change_nothing() -> None:
    made, _ = sketch.sketches(["Hello  big\nwide Ｗorld you", "hello big wide world YOU"])
    assert (made[0] == made[1]).all()


@given(st.lists(st.text(max_size=80), max_size=8))
def test_a_sketch_does_not_depend_on_the_texts_beside_it(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    together, there = sketch.sketches(texts)
    for number, text in enumerate(texts):
        alone, own = sketch.sketches([text])
        assert (alone[0] == together[number]).all() and own[0] == there[number]


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_shingles_are_those_of_the_normalised_words(text: str) -> None:
    words = normalised(text).split(" ") if normalised(text) else []
    expected = {tuple(words[k : k + 5]) for k in range(len(words) - 4)}
    if any(ord(c) < 32 for c in normalised(text)):
        return
    hashes, bounds = sketch.shingles([text])
    assert len(set(hashes.tolist())) == len(expected)
    assert bounds.tolist() == [0, max(len(words) - 4, 0)]


def test_words_that_differ_behind_their_eighth_byte_differ() -> None:
    tails = ["", "a", "abcdefgh", "abcdefghi", "abcdefghj"]
    hashes, _ = sketch.shingles([f"one two three four internationali{tail}" for tail in tails])
    assert len(set(hashes.tolist())) == len(tails)


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300), min_size=1, max_size=5))
def test_the_compiled_pass_gives_the_same_bytes(texts: list[str]) -> None:
    fill = pytest.importorskip("cauldron.signals.sketch_compiled", exc_type=ImportError).fill
    for buffer, offsets in sketch._batches([*texts, " ".join(WORDS), "x" * 2000 + " b c d e f"]):
        one, two = (np.full((len(offsets) - 1, 128), 2**32 - 1, np.uint32) for _ in range(2))
        sketch._fill(buffer, offsets, one)
        fill(buffer, offsets, two)
        assert (one == two).all()
