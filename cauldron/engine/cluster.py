"""Run one function over many tasks on a Ray cluster, results in task order.

The same jobs as on one machine, as plain Ray tasks: their inputs and outputs are files that every
node can reach, so that the object store holds small results only. A task whose worker or node dies
is run again elsewhere; a job that is done already has its receipt and is not sent at all.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cauldron.engine.base import Result, Task
from cauldron.errors import CheckError, UsageError

_RETRIES = 2
_ANSWERS_WITHIN_S = 5
_AHEAD = 2  # tasks in flight for each processor, so that no node waits and little is queued


class RayEngine:
    """A Ray cluster: one that runs already, or processes of this machine.

    Args:
        workers: processors to use on this machine when no cluster is named.
        address: a running cluster, `auto` or host:port; None starts one for this run.

    Raises:
        UsageError: if ray is not installed or the cluster does not answer.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self._ray = _ray()
        self._started = not self._ray.is_initialized()
        if self._started:
            _check_answers(address)
            own = {"num_cpus": workers, "include_dashboard": False} if address is None else {}
            try:
                self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(
                    f"the Ray cluster does not answer: {str(error)[:200]}", place=address or "local"
                ) from error
        self.workers = workers or max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._started:
            self._ray.shutdown()

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield `function(task)` for each task in order.

        Raises:
            CheckError: if a task's worker dies again and again.
        """
        remote = self._ray.remote(function).options(max_retries=_RETRIES, num_cpus=1)
        waiting: deque[tuple[Any, Task]] = deque()
        coming = iter(tasks)
        while True:
            while len(waiting) < _AHEAD * self.workers:
                task = next(coming, None)
                if task is None:
                    break
                waiting.append((remote.remote(task), task))
            if not waiting:
                return
            reference, task = waiting.popleft()
            try:
                yield self._ray.get(reference)
            except self._ray.exceptions.WorkerCrashedError as error:
                raise CheckError(
                    f"a worker process died {_RETRIES + 1} times on {task!r}"[:500]
                ) from error


def _check_answers(address: str | None) -> None:
    """Connect once, since Ray itself asks a dead address again and again for minutes."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()
    except OSError as error:
        raise UsageError(f"the Ray cluster does not answer: {error}", place=str(address)) from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError("Ray is not installed", hint="pip install 'cauldron[ray]'") from error
    return ray
