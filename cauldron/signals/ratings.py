"""Ratings that a source brings along: FineVision's, 1 to 5, one for each turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa


def rating_signals(extra: pa.StringArray, names: Sequence[str]) -> dict[str, Any]:
    """Read the lowest rating of each kind from `extra`; null where there is none."""
    found = [_ratings(text) for text in extra.to_pylist()]
    return {name: [_number(values.get(name)) for values in found] for name in names}


def _ratings(extra: str | None) -> dict[str, Any]:
    if not extra or '_min"' not in extra:
        return {}
    values = orjson.loads(extra)
    return values if isinstance(values, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
