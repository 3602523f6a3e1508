"""Data cards: each one can be read, says what is needed, and no source is without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauldron.errors import CardMissing, RecipeError
from cauldron.sources.card import card, card_names, parse_card
from cauldron.sources.card_checks import faults
from cauldron.sources.catalogue import source_names

CATEGORIES = {
    "General visual question answering",
    "Captioning",
    "OCR, document understanding, text transcription",
    "Chart/figure understanding",
    "Table understanding",
    "Reasoning, logic, maths",
    "Textbook/academic questions",
    "Differences between 2 images",
    "Screenshot to code",
    "Text-only general instructions, math problems, arithmetic calculations",
    "documents",
    "image-text pairs",
    "chat",
}


@pytest.mark.parametrize("name", card_names())
def test_a_card_says_what_a_user_needs(name: str) -> None:
    assert faults(name) == []
    assert "\n" not in card(name).license


@pytest.mark.parametrize("name", card_names())
def test_a_card_has_a_category_of_the_paper(name: str) -> None:
    assert card(name).category in CATEGORIES


@pytest.mark.parametrize("name", [n for n in card_names() if card(n).counts.mixture_percent])
def test_a_card_of_the_mixture_cites_its_paper_and_counts(name: str) -> None:
    facts = card(name)
    assert facts.citation.startswith("@") and facts.citation.count("{") == facts.citation.count("}")
    assert facts.homepage.startswith("https://")
    assert facts.counts.images is not None and facts.counts.qa_pairs and facts.counts.tokens


@pytest.mark.parametrize("name", source_names())
def test_a_source_has_a_card(name: str) -> None:
    assert card(name).name == name


def test_an_unknown_card_gets_a_near_name() -> None:
    with pytest.raises(CardMissing, match="did you mean 'textvqa'"):
        card("textvqq")


def test_an_unknown_fact_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("---\nname: x\ntitle: X\ncategory: c\nlicense: MIT\nlicence: MIT\n---\nProse\n")
    with pytest.raises(RecipeError, match="licence"):
        parse_card(path)
