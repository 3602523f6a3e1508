"""Run one function over many tasks on a Ray cluster, results in task order.

The same jobs as on one machine, as plain Ray tasks: their inputs and outputs are files that every
node can reach, so that the object store holds small results only. A task whose worker or node dies
is run again elsewhere; a job that is done already has its receipt and is not sent at all. Only a
few tasks for each processor are in flight, and they are spread over the nodes; nodes that join
later get their share.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cauldron.engine.base import Lost, Result, Task
from cauldron.engine.watch import in_worker
from cauldron.errors import UsageError
from cauldron.redaction import guard_logs

_RETRIES = 3
_STORE_BYTES = 200 << 20  # of a cluster started for one run: results are a few kB each
_ANSWERS_WITHIN_S = 5
_AHEAD = 2  # tasks in flight for each processor, so that no node waits and little is queued


class RayEngine:
    """A Ray cluster: one that runs already, or processes of this machine.

    Args:
        workers: processors to use on this machine when no cluster is named.
        address: a running cluster, `auto` or host:port; None starts one for this run.
        gpus: a task gets an accelerator, where the cluster has some, instead of a processor.

    Raises:
        UsageError: if ray is not installed or the cluster does not answer.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        share: tuple[int, int] | None = None,
        gpus: bool = False,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray = _ray()
        self._asked, self.share = workers, share
        self._started = not self._ray.is_initialized()
        if self._started:
            _check_answers(address)
            own: dict[str, Any] = {}
            if address is None and "RAY_ADDRESS" not in os.environ:
                address = "local"  # a cluster of someone else on this machine is not joined
                own = {
                    "num_cpus": workers,
                    "include_dashboard": False,
                    "object_store_memory": _STORE_BYTES,
                }
            try:
                self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(
                    f"the Ray cluster does not answer: {str(error)[:200]}",
                    place=address or "RAY_ADDRESS",
                ) from error

        there = self._ray.cluster_resources().get("GPU", 0)
        self._each = {"num_gpus": 1, "num_cpus": 0} if gpus and there else {"num_cpus": 1}

    @property
    def workers(self) -> int:
        """Processors, or accelerators, that are used now."""
        kind = "GPU" if "num_gpus" in self._each else "CPU"
        return self._asked or max(int(self._ray.cluster_resources().get(kind, 1)), 1)

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._started:
            self._ray.shutdown()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        dangerous: bool = False,
    ) -> Iterator[Result | Lost]:
        """Yield `function(task)` for each task in order."""
        remote = self._ray.remote(_worked).options(
            max_retries=_RETRIES, scheduling_strategy="SPREAD", **self._each
        )
        waiting: deque[tuple[Any, Task]] = deque()
        running: set[Any] = set()
        coming = iter(tasks)
        while True:
            # results that wait for an earlier one are small; only running tasks are counted
            for task in itertools.islice(coming, max(_AHEAD * self.workers - len(running), 0)):
                reference = remote.remote(function, task)
                running.add(reference)
                waiting.append((reference, task))
            if not waiting:
                return
            if waiting[0][0] in running:
                done, _ = self._ray.wait(list(running), num_returns=1)
                running.difference_update(done)
                continue
            reference, task = waiting.popleft()
            yield self._result(remote, function, reference, task)

    def _result(self, remote: Any, function: Any, reference: Any, task: Any) -> Any:
        """Return a result; a task whose worker dies again and again runs without the culprit."""
        while True:
            try:
                return self._ray.get(reference)
            except self._ray.exceptions.RayTaskError:
                raise
            except self._ray.exceptions.RayError as error:
                known = getattr(task, "without_culprit", None)
                lighter = known() if known else None
                if lighter is None:
                    first = (str(error).strip() or type(error).__name__).splitlines()[0]
                    return Lost(task, f"its worker died {_RETRIES + 1} times: {first}"[:300])
                task, reference = lighter, remote.remote(function, lighter)


def _worked(function: Callable[[Task], Result], task: Task) -> Result:
    """Run a task in a worker of the cluster, whose logs hold no secrets either."""
    guard_logs()
    in_worker()
    return function(task)


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
