"""Passes compiled by `numba`, where it is installed and can keep what it compiles."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def compiled(name: str) -> Any:
    """Return a module of compiled passes, or None: then the plain ones make the same results.

    numba keeps what it compiles beside the module, else in the user's cache; where it can write to
    neither it refuses. `NUMBA_CACHE_DIR` names another folder.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
    except RuntimeError as error:
        if "cannot cache" in str(error):
            return None
        raise
