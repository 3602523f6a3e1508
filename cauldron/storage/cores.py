"""How many cores this process may use, alone or beside others of its run."""

from __future__ import annotations

import multiprocessing
import os


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spare_cores() -> int:
    """Return how many threads may work at once: one in a worker process."""
    told = os.environ.get("OMP_NUM_THREADS", "")  # set by schedulers, and by Ray for its workers
    most = int(told) if told.isdigit() and int(told) else cores()
    return 1 if multiprocessing.parent_process() else min(most, cores())
