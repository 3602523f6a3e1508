"""NumPy archives (.npz) to arrays, without pickles and within limits."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from cauldron.readers.streams import DAMAGED

MAX_ARRAY_BYTES = 64 << 20


def npz_arrays(payload: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an .npz file by name; those that need pickle are left out.

    Raises:
        ValueError: if it is damaged or unpacks to more than 64 MB. Inside `open` and `convert` of
            a source it becomes a reject by itself.
    """
    found: dict[str, np.ndarray[Any, Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_ARRAY_BYTES:
            raise ValueError(f"unpacks to {size} bytes")
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            for name in arrays.files:
                array = _without_pickle(arrays, name)
                if array is not None:
                    found[name] = array
    except (zipfile.BadZipFile, MemoryError, RuntimeError, *DAMAGED) as error:
        raise ValueError(f"not a readable .npz: {error}") from error
    return found


def _without_pickle(arrays: Any, name: str) -> np.ndarray[Any, Any] | None:
    try:
        value: np.ndarray[Any, Any] = arrays[name]
    except ValueError as error:
        if "pickle" in str(error):
            return None
        raise
    return value
