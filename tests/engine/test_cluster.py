"""A real Ray cluster of processes on this machine gives the bytes of the local engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_pipeline import outputs
from tests.trees import recipe

pytest.importorskip("ray", reason="needs ray")

DYING = """
import os
from pathlib import Path
from cauldron.engine.cluster import RayEngine

def work(task):
    mark = Path(FOLDER, str(task))
    if task == 3 and not mark.exists():
        mark.touch()
        os._exit(9)
    return task * task

with RayEngine(2) as engine:
    print(list(engine.run(work, list(range(12)))))
"""


def cauldron(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cauldron", *arguments], capture_output=True, text=True
    )


def test_ray_and_local_write_the_same_bytes(tmp_path: Path) -> None:
    path = str(recipe(tmp_path))
    for engine in ("local", "ray"):
        place = str(tmp_path / engine)
        told = cauldron("run", path, "-o", place, "--engine", engine, "--workers", "2")
        assert told.returncode == 0, told.stderr
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "local")


def test_a_worker_that_dies_costs_nothing_but_its_task_again(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"FOLDER = {str(tmp_path)!r}\n{DYING}"],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == str([n * n for n in range(12)])


def test_a_cluster_that_does_not_answer_is_told_in_one_message(tmp_path: Path) -> None:
    place = str(tmp_path / "work")
    ray = ("--engine", "ray", "--address", "127.0.0.1:1")
    told = cauldron("run", str(recipe(tmp_path)), "-o", place, *ray)
    assert told.returncode == 2
    assert "127.0.0.1:1" in told.stderr and "Traceback" not in told.stderr


def test_an_address_without_ray_is_a_mistake(tmp_path: Path) -> None:
    told = cauldron("run", str(recipe(tmp_path)), "-o", str(tmp_path / "w"), "--address", "auto")
    assert told.returncode == 2 and "--engine ray" in told.stderr
