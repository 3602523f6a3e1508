"""Keys of work: a hash of everything that a result depends on."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def key_of(*parts: Any) -> str:
    """Return the sha256 of plain values, dict keys sorted."""
    payload = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(payload).hexdigest()
