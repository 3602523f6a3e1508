"""Weights and budgets to draws: the arithmetic of a mixture, told where it does not work out.

Shares are of a unit (answer tokens, say) while the sampler draws samples, so a source with short
samples is drawn more often for the same share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cauldron.errors import RecipeError, near
from cauldron.mixture.settings import Group, MixSettings, StageSettings, Weight

SIZES = {
    "turns": "n_turns",
    "images": "n_images",
    "chars": "chars",
    "answer_tokens": "answer_tokens",
    "text_tokens": "text_tokens",
}
"""Sizes of a source, and the signals that they are sums of."""

Sizes = Mapping[str, Mapping[str, int]]
"""Training samples, turns, images, chars, answer_tokens and text_tokens of each source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What one stage draws of one source.

    Args:
        asked: share asked for, in the unit of the mixture.
        share: share that comes out.
        draw_share: share of the draws.
        samples: samples drawn, not rounded.
        tokens: tokens drawn, those of pictures included.
        epochs: times the source is seen in the stage.
        limited_by: what lowered the share: `max_epochs`, `max_share` or nothing.
    """

    name: str
    asked: float
    share: float
    draw_share: float
    samples: float
    tokens: float
    epochs: float
    limited_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """One stage; `samples` is None when it has no end."""

    name: str
    samples: int | None
    sources: tuple[SourcePlan, ...]


def plan(settings: MixSettings, sizes: Sizes) -> list[StagePlan]:
    """Return the plan of every stage.

    Raises:
        RecipeError: if a weight names no source, a budget cannot be met, or nothing is left.
    """
    _check_names(settings, sizes)
    there = {name: _with_tokens(size, settings) for name, size in sizes.items() if size["samples"]}
    if not there:
        raise RecipeError("no source of the mixture has a sample", hint="cauldron stats WORK")
    seen = dict.fromkeys(there, 0.0)
    stages = []
    for number, stage in enumerate(settings.listed()):
        last = number == len(settings.listed()) - 1
        planned = _stage(stage, settings, there, seen, last)
        for source in planned.sources:
            seen[source.name] += source.epochs
        stages.append(planned)
    return stages


def _with_tokens(size: Mapping[str, int], settings: MixSettings) -> dict[str, int]:
    return {**size, "total_tokens": size["text_tokens"] + settings.image_tokens * size["images"]}


def _check_names(settings: MixSettings, sizes: Sizes) -> None:
    for stage in settings.listed():
        for name in _names(stage.weights or stage.multipliers or {}):
            if name not in sizes:
                raise RecipeError(f"weight for unknown source '{name}'{near(name, sizes)}")
    if isinstance(settings.max_epochs, dict):
        for name in settings.max_epochs:
            if name not in sizes:
                raise RecipeError(f"max_epochs of unknown source '{name}'{near(name, sizes)}")


def _names(weights: Mapping[str, Weight | Group]) -> list[str]:
    out = []
    for name, weight in weights.items():
        out += _names(weight.of) if isinstance(weight, Group) else [name]
    return out


def _asked(stage: StageSettings, settings: MixSettings, sizes: Sizes) -> dict[str, float]:
    """Return the share asked for each source, summing to 1; sources without one are left out."""
    if stage.weights is not None:
        shares = _flat(stage.weights, sizes, 1.0)
    else:
        factor = stage.multipliers
        shares = {
            name: (1.0 if factor is None else factor.get(name, 0.0))
            * size[settings.by] ** (1 / settings.temperature)
            for name, size in sizes.items()
        }
    total = sum(shares.values())
    if not total > 0:
        raise RecipeError(f"stage '{stage.name}' has nothing to draw: its weights sum to 0")
    return {name: share / total for name, share in shares.items() if share > 0}


def _flat(weights: Mapping[str, Weight | Group], sizes: Sizes, share: float) -> dict[str, float]:
    """Spread a share over weights and groups; what has no sample gives its part to the others."""
    parts: list[tuple[str, float, Mapping[str, Weight | Group] | None]] = []
    for name, weight in weights.items():
        if isinstance(weight, Group):
            if any(inner in sizes for inner in _names(weight.of)):
                parts.append((name, weight.weight, weight.of))
        elif name in sizes:
            parts.append((name, weight, None))
    total = sum(part[1] for part in parts) or 1.0
    out: dict[str, float] = {}
    for name, weight, inner in parts:
        own = share * weight / total
        for key, value in (_flat(inner, sizes, own) if inner else {name: own}).items():
            out[key] = out.get(key, 0.0) + value
    return out


def _stage(
    stage: StageSettings,
    settings: MixSettings,
    sizes: Sizes,
    seen: Mapping[str, float],
    last: bool,
) -> StagePlan:
    asked = _asked(stage, settings, sizes)
    limited: dict[str, str] = {}
    unit = {n: max(sizes[n][settings.by], 1) / sizes[n]["samples"] for n in asked}
    kind = "total_tokens" if stage.tokens else "samples"
    price = {n: sizes[n][kind] / sizes[n]["samples"] / unit[n] for n in asked}
    budget = stage.tokens or stage.samples or sum(sizes[n]["samples"] for n in asked)
    caps = {n: _left(n, settings, seen) * sizes[n]["samples"] * unit[n] for n in asked}
    most = settings.max_share or 1.0
    within = min(budget, _reach(stage, budget, price, caps, most))
    amounts = _amounts(asked, price, within, caps, most, limited)
    draws = {n: amounts[n] / unit[n] for n in asked}
    amount = sum(draws[n] * unit[n] for n in draws)
    total = sum(draws.values())
    tokens = {n: sizes[n]["total_tokens"] / sizes[n]["samples"] for n in asked}
    ends = bool(stage.samples or stage.tokens) and not last
    return StagePlan(
        name=stage.name,
        samples=round(total) if ends else None,
        sources=tuple(
            SourcePlan(
                name=n,
                asked=asked[n],
                share=draws[n] * unit[n] / amount,
                draw_share=draws[n] / total,
                samples=draws[n],
                tokens=draws[n] * tokens[n],
                epochs=draws[n] / sizes[n]["samples"],
                limited_by=limited.get(n, ""),
            )
            for n in asked
            if draws[n] > 0
        ),
    )


def _left(name: str, settings: MixSettings, seen: Mapping[str, float]) -> float:
    """Return the epochs that a source may still be seen."""
    most = settings.max_epochs
    if isinstance(most, dict):
        most = most.get(name)
    return float("inf") if most is None else max(most - seen[name], 0.0)


def _reach(
    stage: StageSettings,
    budget: float,
    price: Mapping[str, float],
    caps: Mapping[str, float],
    most: float,
) -> float:
    """Return the largest budget that amounts within both limits reach.

    Raises:
        RecipeError: if that is less than what is asked, with what they allow.
    """
    if most * len(caps) < 1 - 1e-9:
        raise RecipeError(
            f"max_share {most:g} of {len(caps)} sources makes {most * len(caps):g}, less than 1"
        )
    kind = "tokens" if stage.tokens else "samples"
    hint = "lower the budget, raise max_epochs or add sources"
    asks = f"stage '{stage.name}' asks for {budget:,.0f} {kind}; max_epochs"
    reach = sum(caps[n] * price[n] for n in caps)
    if reach < budget * (1 - 1e-9):
        raise RecipeError(f"{asks} allows {reach:,.0f}", hint=hint)
    largest = _largest(caps, most)
    reach = sum(min(caps[n], most * largest) * price[n] for n in caps)
    if reach < budget * (1 - 1e-9):
        allowed = f"{asks} and max_share {most:g} together allow {reach:,.0f}"
        raise RecipeError(allowed, hint=f"{hint}, or raise max_share")
    return reach


def _largest(caps: Mapping[str, float], most: float) -> float:
    """Return the largest sum of amounts, each within its cap and within `most` of the sum."""
    level = {n for n, cap in caps.items() if cap == math.inf}
    while most * len(level) < 1 - 1e-9:
        total = sum(caps[n] for n in caps if n not in level) / (1 - most * len(level))
        over = {n for n in caps if n not in level and caps[n] > most * total * (1 + 1e-12)}
        if not over:
            return total
        level |= over
    return sum(caps.values()) if len(level) == len(caps) else math.inf


def _amounts(
    asked: Mapping[str, float],
    price: Mapping[str, float],
    budget: float,
    caps: Mapping[str, float],
    most: float,
    limited: dict[str, str],
) -> dict[str, float]:
    """Return the amount of each source: in proportion to what is asked, within both limits.

    Args:
        price: what one of an amount takes of the budget.
        budget: as much as both limits let be taken, or less.
        caps: most of each.
        most: largest share of one source.
        limited: gets what limits each source.
    """
    scale = _scale(asked, price, budget, caps, most)
    share = most * _largest({n: min(asked[n] * scale, caps[n]) for n in asked}, most)
    low = {n for n in asked if min(caps[n], share) < asked[n] * scale * (1 - 1e-12)}
    full = {n for n in low if caps[n] <= share}  # at their caps
    level = low - full  # at the largest share
    limited.update({n: "max_epochs" for n in full} | {n: "max_share" for n in level})
    free = [n for n in asked if n not in low]
    fixed, spent = sum(caps[n] for n in full), sum(caps[n] * price[n] for n in full)
    rest = 1 - most * len(level)  # over 0: of those at the largest share the last is free
    levels = most * sum(price[n] for n in level)
    taken = sum(asked[n] * price[n] + levels / rest * asked[n] for n in free)
    left = budget - spent - levels * fixed / rest
    scale = left / taken if taken else 0.0
    total = (fixed + scale * sum(asked[n] for n in free)) / rest
    found = {n: caps[n] if n in full else most * total for n in low}
    return {n: found[n] if n in low else asked[n] * scale for n in asked}


def _scale(
    asked: Mapping[str, float],
    price: Mapping[str, float],
    budget: float,
    caps: Mapping[str, float],
    most: float,
) -> float:
    """Return what is asked for is multiplied by, so that amounts within both limits take a budget.

    The larger it is, the larger is every amount: it is found by halving.
    """

    def enough(scale: float) -> bool:
        within = {n: min(asked[n] * scale, caps[n]) for n in asked}
        share = most * _largest(within, most)
        return sum(min(within[n], share) * price[n] for n in asked) >= budget * (1 - 1e-12)

    low, high = 0.0, budget / sum(asked[n] * price[n] for n in asked)
    if enough(high):
        return high
    while not enough(high):
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
