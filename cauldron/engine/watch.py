"""Time and memory of one record inside a worker, and a mark that outlives the worker.

A worker notes which record it is at. When it dies, by a crash of a library, for memory or because
one record took too long, the note tells which record to leave out of the next try.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cauldron.media.limits import LIMITS
from cauldron.storage import files
from cauldron.storage.keys import key_of

_WIDTH = 64
RECORD_S = "CAULDRON_RECORD_S"
"""Environment variable: seconds that one record may take, instead of `LIMITS.max_record_s`."""

FEW_DEATHS = 20
"""So many records of a part may end their worker, however small it is."""

_worker = _forks = False


class Mark(NamedTuple):
    """Where a worker is: opening raw row `row`, after `seen` of its records.

    With no row it is making sample number `sample`; else that is the last one before the row.
    """

    row: int
    seen: int
    sample: int


class Span(NamedTuple):
    """Where a worker is: measuring `rows` rows from row `start` on by group number `group`."""

    group: int
    start: int
    rows: int


NOWHERE = Span(-1, -1, 0)
"""Between two groups: what ends a worker there is no record's fault."""


def in_worker(forks: bool = False) -> None:
    """Note that this process is a worker, which may die without taking the run along.

    Args:
        forks: it may be forked; one that others have put threads into may not.
    """
    global _worker, _forks
    _worker, _forks = True, forks and sys.platform == "linux"


def may_fork() -> bool:
    """Say whether this process may try in a fork what could end it."""
    return _forks


def leave_with(parent: int) -> None:
    """End this process soon after its parent is gone, so that a killed run leaves no process."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Watch:
    """Notes records in a file and limits the time of each; does nothing outside a worker."""

    def __init__(self, path: str) -> None:
        self._file = -1
        self._seconds = float(os.environ.get(RECORD_S, LIMITS.max_record_s))
        if _worker:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def at(self, mark: tuple[int, int, int], records: int = 1) -> None:
        """Begin with a record; the clock, which ends the process even inside C code, restarts.

        Args:
            mark: the numbers of a `Mark` or a `Span`.
            records: so many have the time of one each.
        """
        if self._file >= 0:
            os.pwrite(self._file, b"%d %d %d" % mark + b" " * _WIDTH, 0)
            signal.setitimer(signal.ITIMER_REAL, self._seconds * records)

    def close(self) -> None:
        if self._file >= 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.close(self._file)
            self._file = -1


@contextlib.contextmanager
def watched(path: str) -> Iterator[Watch]:
    """Watch over the records of one part; a worker may take `LIMITS.max_record_memory` more."""
    watch = Watch(path)
    before = resource.getrlimit(resource.RLIMIT_AS)
    if _worker:
        most = _address_space() + LIMITS.max_record_memory
        hard = before[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield watch
    finally:
        watch.close()
        if _worker:
            resource.setrlimit(resource.RLIMIT_AS, before)


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # no /proc: macOS
        return 16 << 30
    return pages * resource.getpagesize()


def mark_beside(url: str, ending: str = ".at") -> str:
    """Return the file in which a worker notes where it is: beside a local file of its task.

    Of a task on a store it lies on the machine of the worker, where only a run on that machine
    finds it.
    """
    if files.is_local(url):
        return f"{url.removeprefix('file://')}{ending}"
    return str(Path(tempfile.gettempdir(), f"cauldron-{key_of(url)[:16]}.at"))


def new_death(
    path: str, deaths: Sequence[tuple[int, int, int]], records: int
) -> tuple[int, int, int] | None:
    """Return the mark at which a worker died.

    Args:
        records: of a whole part; of more than a share of them the part cannot be done.

    Returns:
        None where it had not begun, died there before, or died too often.
    """
    try:
        first, second, third = Path(path).read_text().split()
    except (OSError, ValueError):
        return None
    mark = int(first), int(second), int(third)
    most = max(FEW_DEATHS, LIMITS.max_dead_share * records)
    return None if mark in deaths or len(deaths) >= most else mark
