"""Benchmarks by name: official files or hub Parquet in a folder or URL, to questions.

Each benchmark is one file here; `benchmark(name)` finds it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from cauldron.errors import UsageError, near
from cauldron.evaluate.benchmarks.base import Benchmark, Item
from cauldron.evaluate.benchmarks.place import Place

_SHARED = frozenset({"base", "place", "shapes"})


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _SHARED)


def benchmark(name: str) -> Benchmark:
    """Return a benchmark.

    Raises:
        UsageError: if there is none of this name.
    """
    if name not in names():
        raise UsageError(
            f"unknown benchmark '{name}'{near(name, names())}", hint=", ".join(names())
        )
    found: Benchmark = importlib.import_module(f"{__name__}.{name}").BENCHMARK
    return found


def leaks(name: str, folder: str, split: str) -> Iterator[tuple[str, tuple[bytes, ...], str]]:
    """Yield id, pictures and question of every item in a split of a benchmark.

    For decontamination: pictures are the bytes as found, questions the bare words of the data set.

    Raises:
        UsageError: if there is no such benchmark.
        SourceError: if the folder does not hold the split.
    """
    for item in benchmark(name).items(Place(folder), split):
        yield item.id, tuple(picture.read() for picture in item.images), item.question


__all__ = ["Benchmark", "Item", "Place", "benchmark", "leaks", "names"]
