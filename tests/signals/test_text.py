"""Text signals against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauldron.signals import text


def test_character_repetition_of_the_published_example() -> None:
    assert text.character_repetition("ok_ok_good_ok", n=3) == pytest.approx(4 / 11)


def test_word_repetition_counts_every_occurrence_of_a_repeated_run() -> None:
    words = "a b c d e a b c d e".split()
    assert text.word_repetition(words, n=5) == pytest.approx(2 / 6)


@given(st.text())
def test_no_text_breaks_a_signal(value: str) -> None:
    words = text.words_of(value)
    ratios = (
        text.character_repetition(value),
        text.word_repetition(words),
        text.special_ratio(value),
        text.digit_ratio(value),
        text.stopword_ratio(words),
        text.punctuation_ratio(value),
    )
    assert all(0 <= ratio <= 1 for ratio in ratios)
    assert len(text.text_hash(value)) == 32


def test_a_hash_ignores_case_width_and_white_space() -> None:
    assert text.text_hash("Hello  world") == text.text_hash("hello\nＷorld")


def test_minhash_agrees_about_as_often_as_shingles_do() -> None:
    words = [f"w{n}" for n in range(400)]
    changed = [*words[:200], "x", *words[201:]]
    a, b = (np.frombuffer(text.minhash(" ".join(w)) or b"", "<u4") for w in (words, changed))
    shared = 396 - 5
    jaccard = shared / (2 * 396 - shared)
    assert np.mean(a == b) == pytest.approx(jaccard, abs=0.08)


def test_one_changed_word_in_a_long_text_changes_few_minima_wherever_it_stands() -> None:
    words = [f"word{k}" for k in range(400)]
    whole = np.frombuffer(text.minhash(" ".join(words)) or b"", "<u4")
    for place in range(0, 400, 2):
        changed = [*words[:place], "other", *words[place + 1 :]]
        sketch = np.frombuffer(text.minhash(" ".join(changed)) or b"", "<u4")
        assert np.mean(sketch == whole) > 0.9


def test_a_text_under_five_words_has_no_minhash() -> None:
    assert text.minhash("one two three four") is None


def test_a_refusal_is_found_in_any_case_and_in_any_answer() -> None:
    assert text.refusal(["Yes.", "As an AI Language Model, I cannot."]) == "language model"
    assert text.refusal(["I am SORRY."]) == "sorry"
    assert text.refusal(["Four.", "The language of the model is C."]) == ""


def test_a_special_token_is_named() -> None:
    assert text.special_token("say <end_of_utterance> now") == "<end_of_utterance>"
    assert text.special_token("a < b, <strong> and <S>") == ""
