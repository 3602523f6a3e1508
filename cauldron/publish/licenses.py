"""Which sources may be passed on, by the licence and the gate in their cards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from cauldron.errors import CardMissing, CheckError, UsageError, near
from cauldron.sources.card import ALLOWS_COMMERCE, Card, card

_ALLOWS_PASSING_ON = (
    *ALLOWS_COMMERCE,
    "CC-BY-NC-1",
    "CC-BY-NC-2",
    "CC-BY-NC-3",
    "CC-BY-NC-4",
    "CC-BY-NC-SA-",
)
"""Licences that let anyone pass on a converted copy; CC-BY-ND does not, since ours is changed."""

_DOUBTS = ("unverified", "no redistribution", "not to be redistributed", "unspecified")


class Permissions(BaseModel):
    """What the user has put in writing in the recipe.

    Args:
        redistribute: sources that the user has the right to pass on, whatever the card says.
        without_bytes: sources of which only ids and hashes are published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    redistribute: tuple[str, ...] = ()
    without_bytes: tuple[str, ...] = ()


def card_or_none(source: str) -> Card | None:
    """Return the card of a source, None where it has none."""
    try:
        return card(source)
    except CardMissing:
        return None


def objection(source: str, license: str) -> str:
    """Return why a source may not be passed on, or an empty string."""
    facts = card_or_none(source)
    if facts is None:
        return "has no data card, so no licence and origin"
    if facts.gated:
        return f"is gated ({facts.license})"
    if not license.startswith(_ALLOWS_PASSING_ON) or any(doubt in license for doubt in _DOUBTS):
        return f"has a licence that does not clearly allow it ({license})"
    return ""


def published_whole(manifest: Mapping[str, Any], given: Permissions) -> list[str]:
    """Return the sources whose samples are published, in the order of the manifest.

    Raises:
        CheckError: if a source may not be passed on and nothing is said about it, or samples of
            one that is published hold turns of one that is not.
        UsageError: if a permission names no source of the manifest.
    """
    licenses = {source["name"]: str(source["license"]) for source in manifest["sources"]}
    merged = {source["name"]: source.get("merged_from", ()) for source in manifest["sources"]}
    known = [*licenses, *(name for names in merged.values() for name in names), *_read(manifest)]
    _check_known((*given.redistribute, *given.without_bytes), known)
    refused = {
        name: why
        for name, license in licenses.items()
        if name not in given.redistribute
        and name not in given.without_bytes
        and (why := objection(name, license))
    }
    if refused:
        told = "; ".join(f"{name} {why}" for name, why in refused.items())
        names = " ".join(f"--without-bytes {name}" for name in refused)
        raise CheckError(
            f"may not be published: {told}",
            hint=f"{names} publishes ids and hashes only; in the recipe, "
            "publish: {redistribute: [NAME]} says in writing that you have the right",
        )
    whole = [name for name in licenses if name not in given.without_bytes]
    for name in whole:
        _check_merged(name, merged[name], given)
    return whole


def _read(manifest: Mapping[str, Any]) -> list[str]:
    """Return the sources that the recipe reads; of some no sample may be left in the mixture."""
    recipe = manifest.get("recipe")
    told = (recipe.get("ingest") if isinstance(recipe, dict) else None) or ()
    return [str(entry.get("source")) for entry in told]


def _check_merged(name: str, others: Sequence[str], given: Permissions) -> None:
    """Check that turns which a source got from others may be passed on.

    Raises:
        CheckError: if those of one may not.
    """
    for other in others:
        facts = card_or_none(other)
        why = objection(other, facts.license if facts else "")
        if other in given.without_bytes or (why and other not in given.redistribute):
            raise CheckError(
                f"may not be published: samples of {name} hold turns merged from {other}, "
                f"which {why or 'is published without bytes'}",
                hint=f"--without-bytes {name} publishes its ids and hashes only; "
                "dedup: {across: false} merges within each source",
            )


def _check_known(named: Collection[str], known: Collection[str]) -> None:
    for name in named:
        if name not in known:
            raise UsageError(f"the mixture has no source '{name}'{near(name, known)}")
