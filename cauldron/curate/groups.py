"""Pairs to clusters: the connected components of a graph, by its smallest members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def smallest_members(pairs: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Return for each of `n` nodes the smallest node of its connected component.

    Args:
        pairs: [m, 2] edges. Their order changes nothing.
    """
    label = np.arange(n)
    left, right = pairs.reshape(-1, 2).T
    while True:
        one, two = label[left], label[right]
        low, high = np.minimum(one, two), np.maximum(one, two)
        apart = low != high
        if not apart.any():
            return label
        np.minimum.at(label, high[apart], low[apart])
        while (label[label] != label).any():
            label = label[label]
