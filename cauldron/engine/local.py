"""Run one function over many tasks in processes of this machine, results in task order."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from cauldron.errors import CheckError

Task = TypeVar("Task")
Result = TypeVar("Result")


def default_workers() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_with(parent: int) -> None:
    """End this worker soon after its parent is gone, so that a killed run leaves no process."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class LocalEngine:
    """Worker processes on this machine; one worker means this very process.

    The pool starts with the first task and is shared by all steps of a run. The order of results
    is the order of tasks, whatever the number of workers.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or default_workers()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield `function(task)` for each task in order.

        Raises:
            CheckError: if a worker process dies twice on the same task.
        """
        if self.workers == 1 or len(tasks) < 2:
            yield from map(function, tasks)
            return
        futures = self._submit(function, tasks)
        for number, task in enumerate(tasks):
            try:
                result = futures[number].result()
            except BrokenProcessPool:
                result = self._alone(function, task)
                futures[number + 1 :] = self._submit(function, tasks[number + 1 :])
            yield result

    def _submit(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Future[Result]]:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.workers, context, initializer=_leave_with, initargs=(os.getpid(),)
            )
        return [self._pool.submit(function, task) for task in tasks]

    def _alone(self, function: Callable[[Task], Result], task: Task) -> Result:
        self._reset()
        try:
            return self._submit(function, [task])[0].result()
        except BrokenProcessPool as error:
            self._reset()
            raise CheckError(f"a worker process died twice on {task!r}"[:500]) from error

    def _reset(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
