"""Threat 18: a whole run, killed at random moments with its workers, ends in the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trees import recipe
from tests.trust.commands import cauldron, told
from tests.trust.faults.stages import hashes, unreadable

MOMENTS = 50


def killed_after(path: Path, work: Path, seconds: float) -> None:
    """Begin a run and kill it with all that it started."""
    command = [sys.executable, "-m", "cauldron", "run", str(path), "-o", str(work)]
    run = subprocess.Popen(
        [*command, "--workers", "2"], stderr=subprocess.DEVNULL, start_new_session=True
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_threat_18_killed_at_random_moments_a_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    path, work = recipe(tmp_path), tmp_path / "work"
    began = time.monotonic()
    told(cauldron("run", path, "-o", work, "--workers", "2"), 0)
    took, good = time.monotonic() - began, hashes(work)
    for seed in range(int(os.environ.get("CAULDRON_KILLS", MOMENTS))):
        shutil.rmtree(work)
        killed_after(path, work, random.Random(seed).uniform(0.1, took))
        assert unreadable(work) == [], seed
        told(cauldron("run", path, "-o", work, "--workers", "2"), 0)
        assert hashes(work) == good, seed
