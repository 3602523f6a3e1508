"""What many scores say together: mean, 95 % interval by bootstrap, tables by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DRAWS = 1000
CATEGORY_FIELDS = (
    "category l2-category l2_category subject subfield topic task skills context split type"
    " question_type answer_type source_dataset"
).split()
"""Fields of records that give a table each when no other is asked for."""

_MOST_CATEGORIES = 200


def interval(scores: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean.

    Drawing n scores again is drawing how often each distinct value comes.
    """
    values, counts = np.unique(scores, return_counts=True)
    total = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(total, counts / total, size=DRAWS)
    low, high = np.percentile(drawn @ values / total, [2.5, 97.5])
    return float(low), float(high)


def summarize(
    items: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]], by: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the summary of the items of one metric.

    An item without a score counts as 0, and is counted as unparsed; a rejected one does not count.

    Args:
        by: fields to break the mean down by; none: those of CATEGORY_FIELDS that are there.
    """
    kept = [n for n, item in enumerate(items) if "error" not in item]
    scores = np.array([items[n]["score"] or 0.0 for n in kept], dtype=np.float64)
    out: dict[str, Any] = {
        "n": len(kept),
        "unparsed": sum(items[n]["score"] is None for n in kept),
        "rejected": len(items) - len(kept),
        "mean": float(scores.mean()) if len(kept) else None,
        "ci95": list(interval(scores)) if len(kept) else None,
    }
    tables = {
        name: table
        for name in by or CATEGORY_FIELDS
        if (table := _by_category(name, [records[n] for n in kept], scores))
    }
    return out | ({"categories": tables} if tables else {})


def _by_category(
    name: str, records: Sequence[Mapping[str, Any]], scores: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Return mean and number for each value of a field; a list counts in all of its values."""
    members: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        found = record.get(name)
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, str | int | float):
                members.setdefault(str(value), []).append(number)
    if len(members) > _MOST_CATEGORIES:
        return {}
    return {
        value: {"n": len(rows), "mean": float(scores[rows].mean())}
        for value, rows in sorted(members.items())
    }
