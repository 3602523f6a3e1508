"""Arrays that may be larger than memory: large ones lie in a scratch file."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

HELD_BYTES = 1 << 30  # larger arrays go to disk


def scratch_array(
    shape: tuple[int, ...], dtype: npt.DTypeLike, held_bytes: int = HELD_BYTES
) -> npt.NDArray[Any]:
    """Return an array of zeros; a large one is backed by a file that goes when the array does."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= held_bytes:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="cauldron-") as file:
        file.truncate(size)
        return np.memmap(file, dtype=dtype, mode="r+", shape=shape)
