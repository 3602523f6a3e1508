"""A cluster of several nodes, one of which is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs ray")
EXAMPLES = Path(__file__).parents[2] / "examples" / "ray"

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


@pytest.mark.slow
def test_a_node_that_is_killed_changes_nothing() -> None:
    told = subprocess.run([sys.executable, "-c", DYING], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == str([n * n for n in range(20)])
