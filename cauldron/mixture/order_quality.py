"""How good an order is: near to its shares at every prefix, and inside sources as if shuffled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cauldron.mixture.order import Order

DRAWS = 20_000
MIN_DRAWS = 100
NEAR = 1 / 40
"""Rows are neighbours when they lie closer than this share of their source."""

Numbers = npt.NDArray[np.int64]


def quality_of(order: Order, draws: int = DRAWS) -> dict[str, float]:
    """Return the quality of the first draws of an order, within its first stage; see `quality`."""
    first = order.stages[0]
    draws = min(draws, first.samples or draws)
    source, row, _ = order.samples_at(np.arange(draws))
    return quality(source.astype(np.int64), row, order.sizes, first.shares)


def quality(
    source: Numbers, row: Numbers, sizes: Sequence[int], shares: Sequence[float]
) -> dict[str, float]:
    """Return how near draws are to their shares, and how like a uniform shuffle their rows are.

    Args:
        source, row: [n] of each draw.
        sizes, shares: of each source.

    Returns:
        `share_error`: most draws that any source is away from its share at any prefix.
        `rank_correlation`: of place in the stream and place in the source, in the first pass, the
        largest of any source; a uniform shuffle has `rank_correlation_uniform` or less in 99 of
        100 mixtures. `neighbour_ratio`: how often rows of a source that follow each other are
        neighbours there, over how often they are in a uniform shuffle; of the source furthest
        from 1. Sources of less than 100 draws are left out of these.
    """
    places = np.arange(1, len(source) + 1)
    errors = [
        float(np.abs(np.cumsum(source == k) - places * share).max())
        for k, share in enumerate(shares)
    ]
    passes = [(row[source == k][:size], size) for k, size in enumerate(sizes)]
    passes = [(rows, size) for rows, size in passes if len(rows) >= MIN_DRAWS]
    ranks = [abs(_rank_correlation(rows)) for rows, _ in passes]
    near = [_neighbours(rows, size) for rows, size in passes]
    fewest = min((len(rows) for rows, _ in passes), default=MIN_DRAWS)
    return {
        "share_error": max(errors),
        "rank_correlation": max(ranks, default=0.0),
        "rank_correlation_uniform": _quantile(0.01 / max(len(passes), 1)) / float(np.sqrt(fewest)),
        "neighbour_ratio": max(near, key=lambda ratio: abs(ratio - 1), default=1.0),
    }


def _rank_correlation(rows: Numbers) -> float:
    return float(np.corrcoef(np.argsort(np.argsort(rows)), np.arange(len(rows)))[0, 1])


def _neighbours(rows: Numbers, size: int) -> float:
    reach = max(int(size * NEAR), 1)
    expected = reach * (2 * size - reach - 1) / (size * (size - 1))
    return float((np.abs(np.diff(rows)) <= reach).mean() / expected)


def _quantile(odds: float) -> float:
    """Return what a normal variable is above, in size, at these odds (bound of Chernoff)."""
    return float(np.sqrt(2 * np.log(2 / odds)))
