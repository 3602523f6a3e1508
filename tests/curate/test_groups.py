"""Clusters of pairs: classes, smallest members, whatever the order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cauldron.curate.groups import smallest_members

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


@given(PAIRS)
def test_members_of_a_component_are_named_by_its_smallest(pairs: list[tuple[int, int]]) -> None:
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    label = smallest_members(edges, 31)
    known = {node: {node} for node in range(31)}
    for a, b in pairs:
        merged = known[a] | known[b]
        known |= dict.fromkeys(merged, merged)
    assert label.tolist() == [min(known[node]) for node in range(31)]
    assert smallest_members(edges[::-1], 31).tolist() == label.tolist()


def test_a_long_chain_is_one_component() -> None:
    order = np.random.default_rng(0).permutation(5000)
    chain = np.stack([order[:-1], order[1:]], axis=1)
    assert not smallest_members(chain, 5000).any()
