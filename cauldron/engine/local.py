"""Run one function over many tasks in processes of this machine, results in task order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from cauldron.engine.base import Lost, Result, Task
from cauldron.engine.watch import in_worker, leave_with
from cauldron.redaction import guard_logs
from cauldron.storage.cores import cores

_AHEAD = 4  # tasks in flight for each worker


def _begin(parent: int) -> None:
    """Begin a worker; its logs hold no secrets, as those of its parent."""
    guard_logs()
    in_worker(forks=True)
    leave_with(parent)


class LocalEngine:
    """Worker processes on this machine; one worker means this very process, but for danger.

    The pool starts with the first task and is shared by all steps of a run. The order of results
    is the order of tasks, whatever the number of workers. A task whose worker died runs again in a
    pool of its own, so that it takes no other with it.

    Args:
        workers: processes; 0 is this very process for dangerous tasks too, None one for each core.
    """

    def __init__(self, workers: int | None = None, share: tuple[int, int] | None = None) -> None:
        self._here = workers == 0
        self.workers = cores() if workers is None else max(workers, 1)
        self.share = share
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        dangerous: bool = False,
    ) -> Iterator[Result | Lost]:
        """Yield `function(task)` for each task in order."""
        safe = not dangerous and (self.workers == 1 or len(tasks) < 2)
        if self._here or safe:
            yield from map(function, tasks)
            return
        waiting: deque[tuple[Future[Result], Task]] = deque()
        coming = iter(tasks)
        while True:
            while len(waiting) < _AHEAD * self.workers:
                try:
                    task = next(coming)
                except StopIteration:
                    break
                waiting.append((self._submit(function, task), task))
            if not waiting:
                return
            future, task = waiting.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                self._reset()
                yield self._alone(function, task)
                waiting = deque((self._submit(function, other), other) for _, other in waiting)

    def _submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result]:
        try:
            return self._started().submit(function, task)
        except BrokenProcessPool as error:  # seen only when the result is asked for
            broken: Future[Result] = Future()
            broken.set_exception(error)
            return broken

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.workers, context, initializer=_begin, initargs=(os.getpid(),)
            )
        return self._pool

    def _alone(self, function: Callable[[Task], Result], task: Task) -> Result | Lost:
        """Run a task again with nothing beside it, then without what its workers died on."""
        lighter: Any = task
        while True:
            try:
                return self._started().submit(function, lighter).result()
            except BrokenProcessPool:
                self._reset()
                known = getattr(lighter, "without_culprit", None)
                lighter = known() if known else None
            if lighter is None:
                return Lost(task, "its worker process died twice")

    def _reset(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
