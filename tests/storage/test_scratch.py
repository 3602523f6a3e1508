"""Scratch arrays behave alike in memory and on disk."""

from __future__ import annotations

import numpy as np

from cauldron.storage.scratch import scratch_array


def test_a_large_array_lies_on_disk_and_a_small_one_in_memory() -> None:
    small, large = (scratch_array((100, 8), np.uint32, held) for held in (1 << 20, 100))
    assert not isinstance(small, np.memmap) and isinstance(large, np.memmap)
    held = [isinstance(scratch_array((2, 5), np.uint16, size), np.memmap) for size in (19, 20, 21)]
    assert held == [True, False, False]
    for array in (small, large):
        assert array.shape == (100, 8) and not array.any()
        array[3] = 7
        assert array[3].sum() == 56 and array.sum() == 56
