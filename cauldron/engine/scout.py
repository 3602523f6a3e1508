"""Find all records of a task that end their worker, at the price of a fork each.

A worker that takes over a task on which another died tries it first in forks of itself. Each goes
on behind the record that ended the one before, so that a part of many such records costs one more
pass over its records, and not one pass and a new worker for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, TypeVar

from cauldron.engine.watch import leave_with, may_fork
from cauldron.errors import CheckError


class Tried(Protocol):
    """A task that knows the records on which its workers died."""

    def without_culprit(self) -> Tried | None: ...


T = TypeVar("T", bound=Tried)


def scouted(task: T, attempt: Callable[[T], object]) -> T:
    """Return a task that knows all records that end their worker, as far as forks can tell.

    Args:
        attempt: does what the task does, but writes nothing; what lies before its last death may
            be left out.

    Raises:
        CheckError: if more records end it than may, or something besides them.
    """
    died = 2  # that is why it came here
    while may_fork() and not _survived(attempt, task):
        died += 1
        lighter = task.without_culprit()
        if lighter is None:
            raise CheckError(f"could not be done: its worker died {died} times")
        task = lighter  # type: ignore[assignment]
    return task


def _survived(attempt: Callable[[T], object], task: T) -> bool:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            leave_with(parent)
            attempt(task)
        except Exception:
            pass  # the worker meets that error as well, and tells it
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0
