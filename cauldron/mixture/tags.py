"""Sources of a mixture by what their cards say."""

from __future__ import annotations

from collections.abc import Iterable

from cauldron.errors import CardMissing, RecipeError, near
from cauldron.mixture.settings import MixSettings, Tags
from cauldron.sources.card import card, commercial_use
from cauldron.sources.catalogue import source_names


def wanted(source: str, settings: MixSettings) -> bool:
    """Say whether a source fits what is included and not what is excluded."""
    include, exclude = settings.include, settings.exclude
    return (include is None or fits(source, include)) and not (exclude and fits(source, exclude))


def fits(source: str, tags: Tags) -> bool:
    """Say whether a source's card fits tags; a source without a card has no licence to fit."""
    license_, category = _facts(source)
    return (
        (not tags.sources or source in tags.sources)
        and (not tags.licenses or license_ in tags.licenses)
        and (not tags.categories or category in tags.categories)
        and (tags.commercial_use is None or commercial_use(license_) == tags.commercial_use)
    )


def check_tags(settings: MixSettings, sources: Iterable[str]) -> None:
    """Check that every tag names something: a misspelt one would leave out too little or too much.

    Args:
        sources: those that are there; what only other cards say is known too.

    Raises:
        RecipeError: with the near name.
    """
    for key, tags in (("include", settings.include), ("exclude", settings.exclude)):
        if tags is None or not (tags.sources or tags.licenses or tags.categories):
            continue
        names = {*sources, *source_names()}
        licenses, categories = (set(column) for column in zip(*map(_facts, names), strict=True))
        for kind, given, known in (
            ("source", tags.sources, names),
            ("license", tags.licenses, licenses | {"unknown"}),
            ("category", tags.categories, categories),
        ):
            for value in given:
                if value not in known:
                    raise RecipeError(f"{key}: no {kind} '{value}'{near(value, known)}")


def _facts(source: str) -> tuple[str, str]:
    """Return licence and category of a source; one without a card has none."""
    try:
        facts = card(source)
    except CardMissing:
        return "unknown", ""
    return facts.license, facts.category
