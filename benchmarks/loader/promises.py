"""The table of what was promised, what was measured, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """A figure with the bounds that were promised of it; NaN where it was not measured."""

    what: str
    measured: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def holds(self) -> bool:
        """Whether the figure is within its bounds."""
        return self.least <= self.measured <= self.most

    @property
    def bound(self) -> str:
        """The bounds in words."""
        least, most = f"at least {self.least:g}", f"at most {self.most:g}"
        if math.isfinite(self.least) and math.isfinite(self.most):
            return f"{self.least:g} to {self.most:g}"
        return least if math.isfinite(self.least) else most


def table_of(promises: Sequence[Promise]) -> bool:
    """Print the promises that were measured; return whether all of them hold."""
    known = [promise for promise in promises if not math.isnan(promise.measured)]
    print(f"\n{'promise':54s} {'bound':>14s} {'measured':>9s}  holds")
    for promise in known:
        verdict = "yes" if promise.holds else "NO"
        print(f"{promise.what:54s} {promise.bound:>14s} {promise.measured:9.4g}  {verdict}")
    return all(promise.holds for promise in known)
