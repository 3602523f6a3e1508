"""What is told of work while it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Progress = Callable[[str, int, int], None]
"""Told the step, how many of its jobs are done, and how many there are."""


def quiet(step: str, done: int, total: int) -> None:
    """Report no progress."""
    return None


def followed(
    results: Iterator[dict[str, Any]], step: str, total: int, progress: Progress
) -> Iterator[dict[str, Any]]:
    for number, result in enumerate(results, start=1):
        progress(step, number, total)
        yield result
