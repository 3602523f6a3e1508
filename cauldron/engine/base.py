"""What an engine is: one function over many tasks, results in task order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cauldron.errors import CheckError

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for the result of a task whose worker died as often as it was tried."""

    task: Any
    why: str


class Engine(Protocol):
    """Where work runs. What it gives depends on neither the engine nor its workers.

    Args:
        share: (number, of how many): only this share of the jobs of each step is run here, the
            others by calls like this one elsewhere; None runs all.
    """

    share: tuple[int, int] | None

    @property
    def workers(self) -> int: ...

    def __enter__(self) -> Engine: ...

    def __exit__(self, *error: object) -> None: ...

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        dangerous: bool = False,
    ) -> Iterator[Result | Lost]:
        """Yield `function(task)` for each task in order.

        Args:
            dangerous: a task may end its process, so none is run in this one.
        """
        ...


def run_all(
    engine: Engine, function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Iterator[Result]:
    """Yield `function(task)` for each task in order, where none can be left out.

    Raises:
        CheckError: if the worker of a task dies again and again.
    """
    for result in engine.run(function, tasks):
        if isinstance(result, Lost):
            raise CheckError(f"{function.__name__} could not be done: {result.why}")
        yield result
