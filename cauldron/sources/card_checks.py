"""Whether a data card says what whoever uses, cites or publishes a source has to know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cauldron.errors import CauldronError
from cauldron.sources.card import Card, card
from cauldron.sources.catalogue import source_named, source_names

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_NEEDED = ("title", "category", "license", "download", "conversion", "prose", "layout", "splits")


def faults(name: str) -> list[str]:
    """Return what is missing from or wrong with a card, in sentences; none when it is sound."""
    try:
        facts = card(name)
    except CauldronError as error:
        return [str(error)]
    return list(_faults(name, facts))


def _faults(name: str, facts: Card) -> Iterator[str]:
    if facts.name != name:
        yield f"the name in it is '{facts.name}'"
    for key in _NEEDED:
        value = getattr(facts, key)
        if not value or (isinstance(value, str) and not value.strip()):
            yield f"{key} is empty"
    if not _SPDX.fullmatch(facts.license) and len(facts.license) < 12:
        yield f"license '{facts.license}' is neither an SPDX id nor a sentence"
    if facts.homepage and not facts.homepage.startswith("https://"):
        yield "homepage is no https address"
    if facts.citation and not _balanced(facts.citation):
        yield "citation is no BibTeX entry"
    for language in facts.languages:
        if not _LANGUAGE.fullmatch(language):
            yield f"language '{language}' is no ISO 639 code"
    counts = facts.counts.model_dump()
    for key, number in counts.items():
        if number is not None and number < 0:
            yield f"counts.{key} is negative"
    if name in source_names():
        for form in source_named(name).forms:
            if not form.wanted:
                yield f"form '{form.name}' does not say what to download"


def _balanced(citation: str) -> bool:
    text = citation.strip()
    return bool(re.match(r"@\w+\{[^,\s]+,", text)) and text.count("{") == text.count("}")
