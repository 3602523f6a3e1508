"""How sources were read, as a manifest tells it: enough to read them again, and no secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
"""The ledger entry of an ingest."""


def ingested(entries: Sequence[Entry], sources: Collection[str]) -> list[dict[str, Any]]:
    """Return source, split and settings of the ingests of sources, in the order of their parts."""
    chosen = [entry for entry in entries if entry["source"] in sources and entry["n_parts"]]
    return [
        {"source": entry["source"], "split": entry["split"], **_settings(entry)}
        for entry in sorted(chosen, key=lambda entry: (entry["source"], entry["first_part"]))
    ]


def _settings(entry: Entry) -> dict[str, Any]:
    settings = dict(entry["settings"])
    secrets = settings.pop("secrets", ())
    if secrets:
        named = {name: variable(entry["source"], name) for name in secrets}
        settings["options"] = {**settings["options"], **named}
    return settings


def variable(source: str, option: str) -> str:
    """Return the variable of the environment that a secret option is read from."""
    return "$" + re.sub(r"\W", "_", f"{source}_{option}").upper()


def recipe_without_secrets(recipe: Any, entries: Sequence[Entry]) -> Any:
    """Return a recipe that names variables of the environment where it held secrets."""
    secrets = {
        (entry["source"], name)
        for entry in entries
        for name in entry["settings"].get("secrets", ())
    }
    if not secrets or not isinstance(recipe, dict):
        return recipe
    return {**recipe, "ingest": [_without(told, secrets) for told in recipe.get("ingest") or ()]}


def _without(told: dict[str, Any], secrets: Collection[tuple[str, str]]) -> dict[str, Any]:
    options = {
        name: variable(told["source"], name)
        if (told["source"], name) in secrets and not str(value).startswith("$")
        else value
        for name, value in (told.get("options") or {}).items()
    }
    return {**told, "options": options}
