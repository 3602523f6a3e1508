"""Running the real command line in a process of its own, and what a user sees of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

Done = subprocess.CompletedProcess[str]


def cauldron(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    timeout_s: float = 120,
) -> Done:
    """Run a command to its end; `before` runs in the new process ahead of Python."""
    return subprocess.run(
        [sys.executable, "-m", "cauldron", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**os.environ, **(env or {})},
        preexec_fn=before,
        timeout=timeout_s,
        check=False,
    )


def told(done: Done, *codes: int) -> str:
    """Return what stands on standard error; a traceback or another exit code is a failure."""
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert done.returncode in codes, (done.returncode, done.stderr[-3000:])
    return done.stderr


def memory_limit(size_bytes: int) -> Callable[[], None]:
    """Return a function that limits the address space of a process that is about to start."""
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


def file_limit(size_bytes: int) -> Callable[[], None]:
    """Return a function that limits the size of files that a process may write."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def child_s() -> float:
    """Return the processor time of all children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_of(
    *arguments: str | Path, env: Mapping[str, str] | None = None, timeout_s: float = 120
) -> tuple[Done, int]:
    """Run a command; return it and the largest resident size of all its processes, in bytes.

    A small process starts it: a new program is born with the peak of the one that starts it.
    """
    with tempfile.NamedTemporaryFile("r") as told_in:
        done = subprocess.run(
            [
                *(sys.executable, "-I", "-S", "-c", _LAUNCHER, told_in.name),
                *(sys.executable, "-m", "cauldron", *map(str, arguments)),
            ],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
        return done, int(told_in.read())


_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as out:
    out.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10))
sys.exit(code)
"""
