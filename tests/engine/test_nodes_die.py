"""Clusters of several nodes: what dies, and where the work folder lies, changes no byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron.storage import work
from cauldron.storage.shards import read_table
from tests.s3 import s3_server
from tests.test_pipeline import outputs
from tests.trees import recipe, tabmwp_tree, vsr_tree

pytest.importorskip("ray", reason="needs ray")
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "ray"
pytestmark = pytest.mark.slow

DYING = f"""
import sys, time
sys.path.insert(0, {str(EXAMPLES)!r})
from local_cluster import kill_one_node, local_cluster
from cauldron.engine.cluster import RayEngine

def work(task):
    time.sleep(0.2)
    return task * task

with local_cluster(2, 1) as cluster:
    with RayEngine(address=cluster.address) as engine:
        results = engine.run(work, list(range(20)))
        first = [next(results) for _ in range(3)]
        kill_one_node(cluster)
        print(first + list(results))
"""


def run(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=env, timeout=280
    )


def on_cluster(*arguments: str, env: dict[str, str] | None = None) -> Any:
    """Run a command against a cluster of two nodes that is there for it alone."""
    ray = ("--engine", "ray", "--address", "{address}")
    command = (sys.executable, "-m", "cauldron", *arguments, *ray)
    return run(str(EXAMPLES / "local_cluster.py"), "--nodes", "2", "--", *command, env=env)


def test_a_node_that_is_killed_changes_nothing() -> None:
    told = run("-c", DYING)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == str([n * n for n in range(20)])


def test_a_worker_and_a_node_killed_in_a_recipe_change_no_byte() -> None:
    told = run(str(ROOT / "benchmarks" / "ray_overhead.py"), "--samples", "6000", "--kill")
    assert told.returncode == 0, told.stderr + told.stdout
    assert "killed a worker" in told.stdout and "killed a node" in told.stdout
    assert "equal to the byte" in told.stdout


def test_a_run_whose_driver_was_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    path, place = str(recipe(tmp_path)), tmp_path / "ray"
    command = [sys.executable, "-m", "cauldron", "run", path, "-o", str(place)]
    child = subprocess.Popen(
        [*command, "--engine", "ray", "--workers", "2"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not any((place / "signals").rglob("*.parquet")) and child.poll() is None:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert on_cluster("run", path, "-o", str(place)).returncode == 0
    assert run("-m", "cauldron", "run", path, "-o", str(tmp_path / "local")).returncode == 0
    assert outputs(place) == outputs(tmp_path / "local")


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    pytest.importorskip("s3fs", reason="needs s3fs")
    pytest.importorskip("moto", reason="needs moto, the S3 server")
    with s3_server() as access:
        yield {**os.environ, **access}


def test_a_work_folder_on_s3_is_filled_by_all_nodes(s3: dict[str, str], tmp_path: Path) -> None:
    path = str(recipe(tmp_path))
    assert run("-c", "import s3fs; s3fs.S3FileSystem().mkdir('bucket')", env=s3).returncode == 0
    spread = on_cluster("run", path, "-o", "s3://bucket/work", "--json", env=s3)
    assert spread.returncode == 0, spread.stderr
    local = run("-m", "cauldron", "run", path, "-o", str(tmp_path / "local"), "--json")
    assert orjson.loads(spread.stdout)["mix"] == orjson.loads(local.stdout)["mix"]
    listed = "import s3fs; print(s3fs.S3FileSystem().find('bucket/work'))"
    names = run("-c", listed, env=s3).stdout
    assert "/samples/" in names and "/.plan/" not in names and "/.shuffle/" not in names


POISON = """
import os, signal
import numpy as np
import pyarrow as pa
from cauldron.signals.groups import Group

def _measured(batch):
    if any("in row 7?" in (t or "") for t in batch.said.texts.to_pylist()):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"poison": np.zeros(len(batch.n_images), np.int64)}

def group():
    return Group(name="poison", version=1, fields=(("poison", pa.int64()),), measure=_measured)
"""


def test_threat_21_a_record_that_kills_workers_of_a_cluster_is_lost_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "poison.py").write_text(POISON)
    vsr_tree(tmp_path / "raw" / "vsr"), tabmwp_tree(tmp_path / "raw" / "tabmwp")
    place = str(tmp_path / "w")
    for name in ("vsr", "tabmwp"):
        raw = str(tmp_path / "raw" / name)
        assert run("-m", "cauldron", "ingest", name, raw, "-o", place).returncode == 0
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = on_cluster("measure", place, "--plugin", "poison=poison:group", env=env)
    assert told.returncode == 0 and "Traceback" not in told.stderr, told.stderr
    table = read_table(work.signals(place, "tabmwp", "part-00000")).to_pylist()
    assert [row["id"] for row in table if row["measure_error"]] == ["tabmwp/train/7"]
