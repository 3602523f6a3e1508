"""Threat 18: a whole run, killed at random moments with its workers, ends in the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.trees import recipe, tabmwp_tree, vsr_tree
from tests.trust.commands import told
from tests.trust.faults.device import warm
from tests.trust.faults.stages import hashes, unreadable

MOMENTS = 50
WAYS = ((0, True), (0, True), (2, True), (2, False))
"""Workers, and whether they are killed as well; those that are left leave by themselves."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_threat_18_killed_at_random_moments_a_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    vsr_tree(tmp_path / "raw" / "vsr", 21), tabmwp_tree(tmp_path / "raw" / "tabmwp", 12)
    path, work = recipe(tmp_path), tmp_path / "work"
    good: dict[str, str] = {}
    took: dict[int, float] = {}
    with warm(tmp_path) as process:
        for workers in (0, 0, 2):
            shutil.rmtree(work, ignore_errors=True)
            began = time.monotonic()
            told(process.run("run", path, "-o", work, "--workers", str(workers)), 0)
            took[workers] = time.monotonic() - began
            assert hashes(work) == (good or hashes(work))
            good = hashes(work)
        for seed in range(int(os.environ.get("CAULDRON_KILLS", MOMENTS))):
            shutil.rmtree(work)
            workers, group = WAYS[seed % len(WAYS)]
            command = ("run", path, "-o", work, "--workers", str(workers))
            moment = random.Random(seed).uniform(0.01, took[workers])
            process.run(*command, kill_after_s=moment, group=group)
            assert unreadable(work) == [], seed
            told(process.run("run", path, "-o", work, "--workers", "0"), 0)
            assert hashes(work) == good, seed
