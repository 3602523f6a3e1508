"""Text signals against their definitions."""

from __future__ import annotations

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
