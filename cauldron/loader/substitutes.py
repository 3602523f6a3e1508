"""What replaces a sample that cannot be used: others of its source, by a rule."""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.loader.samples import Samples
from cauldron.sample import content_hash

TRIES = 8


def substitutes(samples: Samples, source: str, position: int) -> Iterator[int]:
    """Yield rows of the same source to try instead of the one at a position.

    They depend on the seed and the position alone, so that every bad sample has its own.
    """
    for attempt in range(TRIES):
        key = content_hash(samples.order.seed, "replacement", str(position), str(attempt))
        yield key % samples.size(source)
