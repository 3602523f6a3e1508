"""Runs a peer in its own process, under the Python that has it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_OWN = ("PYTHONPATH", "OPENBLAS_NUM_THREADS")  # of this process, not of a peer


def pythons(given: list[str]) -> dict[str, str]:
    """Return `NAME=PYTHON` options by name; without a name a Python serves all peers."""
    out: dict[str, str] = {}
    for text in given:
        name, _, python = text.rpartition("=")
        out[name] = python
    return out


def run_peer(
    script: str, name: str, path: Path, python: dict[str, str], timeout_s: float = 380
) -> tuple[float, np.ndarray] | None:
    """Return the seconds a peer took and what it removed, or None where it is not installed."""
    chosen = python.get(name) or python.get("") or sys.executable
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "removed.npy")
        place = Path(__file__).with_name(script)
        try:
            done = subprocess.run(
                [chosen, "-P", place, name, path, out],
                capture_output=True,
                text=True,
                timeout=timeout_s,
                env={k: v for k, v in os.environ.items() if k not in _OWN},
            )
        except subprocess.TimeoutExpired:
            print(f"{name:12} gave up after {timeout_s:.0f} s")
            return None
        if done.returncode:
            last = (done.stderr.strip() or "failed").splitlines()[-1]
            print(f"{name:12} left out: {last[:200]}")
            return None
        told = dict(zip(*[iter(_last(done.stdout).split())] * 2, strict=False))
        setup = [line for line in done.stdout.splitlines() if line.startswith("setup ")]
        seconds = float(told["seconds"])
        if setup:
            seconds = float(told["ended"]) - float(setup[-1].split()[1])
        return seconds, np.load(out)


def _last(text: str) -> str:
    return next(line for line in reversed(text.splitlines()) if line.startswith("seconds "))
