"""What a reason means: the rules of that name in the shipped rule sets, or the step behind it."""

from __future__ import annotations

from typing import Any

from cauldron.curate.rules import load_rules
from cauldron.errors import UsageError, near
from cauldron.packaged import packaged

STEPS: dict[str, str] = {
    "not_measured": "filter: the sample's signals could not be measured, so no rule can judge it",
    "blocked": "filter: the sample stands on a block list of the user",
    "exact_duplicate": "dedup: text and pictures are equal to those of a sample that is kept",
    "near_duplicate_text": "dedup: its text is nearly that of a sample that is kept (MinHash "
    "candidates, verified)",
    "near_duplicate_image": "dedup: its picture is nearly that of a sample that is kept "
    "(perceptual hash candidates, laid over each other)",
    "benchmark_leak": "decontaminate: picture and question stand in a benchmark item",
    "benchmark_image": "decontaminate: its picture stands in a benchmark item",
    "image_missing": "ingest: a picture that the record names is in none of the raw folders",
    "image_truncated": "ingest: a picture ends too early or its pixels are damaged",
    "image_not_identified": "ingest: a picture is of no format that is read (JPEG, PNG, WebP, GIF, "
    "TIFF, BMP)",
    "image_too_large": "ingest: a picture is over the limits of bytes, sides or pixels",
    "malformed_record": "ingest: a record lacks what its source's records have",
    "missing_column": "ingest: a record lacks a column that the description of the source names",
    "merged_into_sample": "ingest: a record on the same picture, told in the same sample (counted "
    "as skipped)",
}
"""Reasons that are no rules, and what they mean."""


def explain_reason(name: str) -> dict[str, Any]:
    """Return what a reason means and which rules bear its name.

    Returns:
        `name`, `meaning` ("" for a rule) and `rules`: rule set, signal, bounds and what they are
        for.

    Raises:
        UsageError: if nothing is known of it.
    """
    rules = [
        {
            "set": path.stem,
            "signal": rule.signal,
            **rule.given(),
            "images": rule.images,
            "when": rule.when.model_dump(exclude_none=True) if rule.when else None,
            "about": rule.about,
        }
        for path in sorted((packaged("recipes") / "rules").glob("*.yaml"))
        for rule in load_rules(str(path)).rules
        if rule.name == name
    ]
    if not rules and name not in STEPS:
        raise UsageError(f"nothing is known of '{name}'{near(name, known())}")
    return {"name": name, "meaning": STEPS.get(name, ""), "rules": rules}


def known() -> list[str]:
    """Return all reasons that can be explained, sorted."""
    paths = (packaged("recipes") / "rules").glob("*.yaml")
    return sorted(
        {rule.name for path in paths for rule in load_rules(str(path)).rules} | set(STEPS)
    )
