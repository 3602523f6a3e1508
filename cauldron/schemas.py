"""JSON Schemas of the files that people write, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from cauldron.curate.rules import Rules
from cauldron.errors import UsageError, near
from cauldron.mixture.schema import manifest_schema
from cauldron.recipe import Recipe
from cauldron.sources.own import OwnSource

MODELS: dict[str, type[BaseModel]] = {"recipe": Recipe, "rules": Rules, "own": OwnSource}


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of a recipe, rules, the description of an own source, or a manifest.

    Raises:
        UsageError: if there is none of this name.
    """
    if name == "manifest":
        return manifest_schema()
    if name not in MODELS:
        known = [*MODELS, "manifest"]
        raise UsageError(
            f"no schema '{name}'{near(name, known)}", hint=f"one of: {', '.join(known)}"
        )
    schema = MODELS[name].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
