"""What a recipe says about a mixture, and the shares that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cauldron.errors import RecipeError, near

Unit = Literal["samples", "turns", "images", "chars"]


class Validation(BaseModel):
    """Samples held out of training, chosen by hash; samples with one picture go together.

    Args:
        share: share of samples held out.
        sources: sources that hold samples out; all when empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(0.0, ge=0, lt=1)
    sources: tuple[str, ...] = ()


class MixSettings(BaseModel):
    """A mixture.

    Args:
        by: the unit that shares are of.
        weights: share or multiplier of each source; sources without one are left out. Without
            `weights` the shares are proportional to size.
        temperature: sizes are raised to 1 / temperature (only without `weights`).
        max_epochs: how often a source may be seen in `samples` draws.
        samples: draws that the plan counts epochs for; default: one pass over all sizes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Unit = "samples"
    weights: dict[str, float] | None = None
    temperature: float = Field(1.0, gt=0)
    max_epochs: float | None = Field(None, gt=0)
    samples: int | None = Field(None, gt=0)
    validation: Validation = Field(default_factory=Validation)


def plan(settings: MixSettings, sizes: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return the plan: for each source asked share, draw share, epochs, and what limits it.

    Args:
        sizes: training samples, turns, images and chars of each source.

    Raises:
        RecipeError: if a weight names no source, or nothing is left to draw.
    """
    names = [name for name in sizes if sizes[name]["samples"] > 0]
    weights = settings.weights
    if weights is not None:
        for name in weights:
            if name not in sizes:
                raise RecipeError(f"weight for unknown source '{name}'{near(name, sizes)}")
        names = [name for name in names if weights.get(name, 0) > 0]
    if not names:
        raise RecipeError("no source of the mixture has a sample", hint="cauldron stats WORK")
    asked = {
        name: weights[name]
        if weights is not None
        else float(sizes[name][settings.by]) ** (1 / settings.temperature)
        for name in names
    }
    total = sum(asked.values()) or 1.0
    # draws are of samples: a share of units needs draws in proportion to share / units a sample
    per_sample = {n: max(sizes[n][settings.by], 1) / sizes[n]["samples"] for n in names}
    draws = {n: asked[n] / total / per_sample[n] for n in names}
    scale = sum(draws.values())
    share = {n: draws[n] / scale for n in names}
    count = settings.samples or sum(sizes[n]["samples"] for n in names)
    limited: dict[str, str] = {}
    if settings.max_epochs is not None:
        share, limited = _capped(share, sizes, count, settings.max_epochs)
    units = sum(share[n] * per_sample[n] for n in names)
    return [
        {
            "name": n,
            "asked": asked[n] / total,
            "share": share[n] * per_sample[n] / units,
            "draw_share": share[n],
            "epochs": share[n] * count / sizes[n]["samples"],
            "limited_by": limited.get(n, ""),
        }
        for n in names
    ]


def _capped(
    share: dict[str, float], sizes: Mapping[str, Mapping[str, int]], count: int, most: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Lower shares to the epoch cap and give the rest to the others, until all fit."""
    caps = {name: most * sizes[name]["samples"] / count for name in share}
    if sum(caps.values()) < 1 - 1e-9:
        largest = int(most * sum(sizes[n]["samples"] for n in share))
        raise RecipeError(
            f"{count} draws with at most {most} epochs a source need more samples",
            hint=f"at most {largest} draws are possible",
        )
    limited: dict[str, str] = {}
    while True:
        free = {n: s for n, s in share.items() if n not in limited}
        over = [n for n, s in free.items() if s > caps[n] + 1e-12]
        if not over:
            return share, limited
        limited.update(dict.fromkeys(over, "max_epochs"))
        rest = 1 - sum(caps[n] for n in limited)
        open_total = sum(s for n, s in share.items() if n not in limited) or 1.0
        share = {n: caps[n] if n in limited else s / open_total * rest for n, s in share.items()}
