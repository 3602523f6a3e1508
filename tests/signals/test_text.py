"""Text signals against their definitions, each text the same alone and among others."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from math import isqrt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.signals import text
from cauldron.signals.hashes import text_hash
from cauldron.signals.said import Said, normalised, normalised_all

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


def said(*texts: str, role: str = "document") -> Said:
    parts = [[{"role": role, "content": [{"type": "text", "text": t}]}] for t in texts]
    kind = pa.list_(
        pa.struct(
            [
                ("role", pa.string()),
                ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))),
            ]
        )
    )
    return Said(pa.array(parts, kind), pa.array([""] * len(texts)))


def measured(*texts: str) -> list[dict[str, Any]]:
    found = text.text_signals(said(*texts))
    return [{name: values[row] for name, values in found.items()} for row in range(len(texts))]


def repetition(value: str, n: int) -> float:
    """The definition, written plainly."""
    counts = Counter(value[k : k + n] for k in range(len(value) - n + 1))
    top = min(isqrt(len(counts)), sum(c > 1 for c in counts.values()))
    return sum(sorted(counts.values())[::-1][:top]) / max(sum(counts.values()), 1)


def test_character_repetition_of_the_published_example() -> None:
    letters, bounds = text.characters(pa.array(["ok_ok_good_ok"]))
    assert text.character_repetition(letters, bounds, n=3)[0] == pytest.approx(4 / 11)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abc \u00e9", max_size=60), min_size=1, max_size=6))
def test_character_repetition_is_as_defined_in_any_batch(texts: list[str]) -> None:
    found = [row["char_repetition"] for row in measured(*texts)]
    assert found == pytest.approx([repetition(t, text.CHARACTER_N) for t in texts])


def test_word_repetition_counts_every_occurrence_of_a_repeated_run() -> None:
    assert measured("a b c d e a b c d e")[0]["word_repetition"] == pytest.approx(2 / 6)


def test_runs_of_words_do_not_cross_from_one_sample_to_the_next() -> None:
    assert [row["word_repetition"] for row in measured("a b c", "d e a", "b c d e")] == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_shares_are_as_defined_in_any_batch(texts: list[str]) -> None:
    for value, row in zip(texts, measured(*texts), strict=True):
        special = sum(unicodedata.category(c)[0] not in "LM" for c in value)
        assert row["special_ratio"] == pytest.approx(special / max(len(value), 1))
        assert row["digit_ratio"] == pytest.approx(
            sum(c.isdigit() for c in value) / max(len(value), 1)
        )
        assert all(0 <= row[name] <= 1 for name in row if name != "words")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab'_ ,.9\u00e9-", max_size=40), min_size=1, max_size=6))
def test_punctuation_is_a_share_of_words_and_marks(texts: list[str]) -> None:
    for value, row in zip(texts, measured(*texts), strict=True):
        tokens = re.findall(r"[\w']+|[,;:?!.]", value)
        marks = sum(token in ",;:?!." for token in tokens)
        assert row["punctuation_ratio"] == pytest.approx(marks / max(len(tokens), 1))


def test_words_are_bare_of_marks_and_listed_ones_are_counted() -> None:
    row = measured("The (cat) sat -- on 3 mats, there. XXX!")[0]
    assert row["words"] == 7
    assert row["stopword_ratio"] == pytest.approx(3 / 7)
    assert row["flagged_ratio"] == pytest.approx(1 / 7)


def test_a_hash_ignores_case_width_and_white_space() -> None:
    assert text_hash("Hello  world") == text_hash("hello\n\uff37orld")


@given(st.lists(TEXTS, max_size=5))
def test_texts_are_normalised_together_as_alone(texts: list[str]) -> None:
    assert normalised_all(pa.array(texts, pa.string())) == [normalised(t) for t in texts]
