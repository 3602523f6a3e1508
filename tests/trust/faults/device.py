"""A place whose n-th call fails, or whose n-th call is the last before the power goes."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trust.commands import Done

KILL = -1
_HEAD = struct.Struct("<qqii496s")
_CALLS, _NAME = 4096, 240
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork of one is quick


@dataclass(frozen=True, slots=True)
class Warm:
    """A warm process that runs commands; `out` is where it leaves what they tell."""

    server: subprocess.Popen[str]
    out: Path

    def run(
        self, *arguments: str | Path, kill_after_s: float | None = None, group: bool = True
    ) -> Done:
        """Run a command to its end, or kill it (and its workers: `group`) after a while."""
        assert self.server.stdin and self.server.stdout
        told = {"arguments": [str(a) for a in arguments], "out": str(self.out)}
        told |= {"kill_after_s": kill_after_s, "group": group}
        print(json.dumps(told), file=self.server.stdin, flush=True)
        code = int(self.server.stdout.readline())
        read = [self.out.with_suffix(f".{n}").read_text() for n in ("stdout", "stderr")]
        return Done(arguments, code, *read)


@contextmanager
def warm(place: Path, **env: str) -> Iterator[Warm]:
    """Start a warm process; `place` holds what its commands tell."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.trust.faults.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD, **env},
        cwd=Path(__file__).parents[3],
    )
    try:
        yield Warm(server, place / "told")
    finally:
        server.terminate()
        server.wait()
        assert server.stdin and server.stdout
        server.stdin.close()
        server.stdout.close()


@dataclass(frozen=True, slots=True)
class Device:
    """A folder, the control block of its faults, and a warm process that runs commands on it."""

    root: Path
    control: mmap.mmap
    warm: Warm

    def arm(self, at: int = 0, error: int = 0, lasts: bool = False) -> None:
        """Let call `at` fail (0: none); with `lasts` all later ones that take space as well."""
        root = str(self.root).encode()
        self.control[: _HEAD.size] = _HEAD.pack(0, at, error, lasts, root)

    def calls(self) -> list[str]:
        """Return the calls since the last `arm`, as `write /work/samples/...`."""
        count = min(_HEAD.unpack(self.control[: _HEAD.size])[0], _CALLS)
        starts = range(_HEAD.size, _HEAD.size + count * _NAME, _NAME)
        return [self.control[s : s + _NAME].split(b"\0")[0].decode() for s in starts]


@contextmanager
def device(place: Path, **env: str) -> Iterator[Device]:
    """Give a folder `place/root` with faults; needs a C compiler."""
    compiler = shutil.which("cc")
    if not compiler or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    source, library = Path(__file__).with_name("preload.c"), place / "preload.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    shared = place / "control"
    shared.write_bytes(bytes(_HEAD.size + _CALLS * _NAME))
    with shared.open("r+b") as file:
        control = mmap.mmap(file.fileno(), 0)
    with warm(place, LD_PRELOAD=str(library), FAULTS=str(shared), **env) as process:
        yield Device((place / "root").resolve(), control, process)
    control.close()
