"""Data cards: the one place where the facts of a source stand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cauldron.errors import CardMissing, RecipeError, near
from cauldron.packaged import packaged


class Counts(BaseModel):
    """Published sizes of a source."""

    model_config = ConfigDict(extra="forbid")

    images: int | None = None
    qa_pairs: int | None = None
    tokens: int | None = None
    mixture_percent: float | None = None


class Card(BaseModel):
    """The YAML head of a data card, and its prose.

    Args:
        turns: `dialogue` where turns build on each other, so that their order must stay and none
            may be left out; every sample says so as well (`"turns": "dialogue"` in `extra`).
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    category: str
    license: str
    gated: bool = False
    homepage: str = ""
    citation: str = ""
    download: str = ""
    layout: list[str] = Field(default_factory=list)
    splits: list[str] = Field(default_factory=lambda: ["train"])
    languages: list[str] = Field(default_factory=list)
    image_origin: str = ""
    counts: Counts = Field(default_factory=Counts)
    faults: list[str] = Field(default_factory=list)
    multi_image: bool = False
    turns: Literal["independent", "dialogue"] = "independent"
    conversion: str = ""
    prose: str = ""


ALLOWS_COMMERCE = (
    "Apache-2.0",
    "BSD-",
    "C-UDA-1.0",
    "CC-BY-1",
    "CC-BY-2",
    "CC-BY-3",
    "CC-BY-4",
    "CC-BY-SA-",
    "CC0-",
    "GPL-",
    "MIT",
    "ODC-By-",
    "PDDL-",
)
"""Beginnings of licences that are known to allow commercial use."""


def commercial_use(license: str) -> bool:
    """Say whether a licence is known to allow commercial use; an unclear one does not."""
    return license.startswith(ALLOWS_COMMERCE) and "unverified" not in license


def fits_query(facts: Card, wanted: Mapping[str, str | bool | None]) -> bool:
    """Say whether a card fits a query; what is None does not matter.

    Args:
        wanted: `category` (part of it), `license` (its beginning), `commercial`, `gated`,
            `multi_image`.
    """
    category, license_ = wanted.get("category"), wanted.get("license")
    found = {
        "commercial": commercial_use(facts.license),
        "gated": facts.gated,
        "multi_image": facts.multi_image,
    }
    return (
        (category is None or str(category).lower() in facts.category.lower())
        and (license_ is None or facts.license.lower().startswith(str(license_).lower()))
        and all(wanted.get(key) in (None, value) for key, value in found.items())
    )


def card_names() -> list[str]:
    """Return the names of all cards, sorted."""
    return sorted(path.stem for path in packaged("data_cards").glob("*.md"))


@cache
def card(name: str) -> Card:
    """Read the card of a source.

    Raises:
        CardMissing: if there is none.
        RecipeError: if its head is not valid.
    """
    path = packaged("data_cards") / f"{name}.md"
    if not path.is_file():
        hint = near(name, card_names())
        raise CardMissing(f"unknown source '{name}'{hint}", hint="cauldron sources lists them")
    return parse_card(path)


def card_text(name: str) -> str:
    """Return the card of a source as it is written.

    Raises:
        CardMissing: if there is none.
    """
    card(name)
    return (packaged("data_cards") / f"{name}.md").read_text(encoding="utf-8")


def parse_card(path: Path) -> Card:
    """Read a card file: YAML between two lines of three dashes, then prose.

    Raises:
        RecipeError: if the head is missing or not valid.
    """
    text = path.read_text(encoding="utf-8")
    try:
        _, head, prose = text.split("---\n", 2)
        facts: dict[str, Any] = yaml.safe_load(head)
        return Card(**facts, prose=prose.strip())
    except (ValueError, yaml.YAMLError, ValidationError, TypeError) as error:
        raise RecipeError(f"not a valid data card: {error}", place=path.name) from error
