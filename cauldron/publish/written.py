"""What writing a piece gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file of an export.

    Args:
        rows: samples in it.
        left_out: samples that the format cannot hold, by reason.
    """

    rows: int
    size_bytes: int
    sha256: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)
