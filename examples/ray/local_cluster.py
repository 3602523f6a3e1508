"""A Ray cluster of several nodes on this machine, without containers.

    python examples/ray/local_cluster.py --nodes 3 --cpus 1 -- \
        cauldron run recipe.yaml -o work --engine ray --address {address}

Each node is a raylet process of its own with its own workers, as on machines of their own. The
command after `--` is run against the cluster, `{address}` replaced by where its head listens, and
the cluster is stopped afterwards. Without a command the address is printed, and the cluster stays
until Ctrl-C. `--kill-after S` kills one node, not the head, after S seconds with SIGKILL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def local_cluster(nodes: int, cpus: int, store_mb: int = 100) -> Iterator[Any]:
    """Start nodes of some processors each; yield the cluster; stop all of them at the end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": cpus,
        "object_store_memory": store_mb << 20,
        "include_dashboard": False,
    }
    cluster = Cluster()
    try:
        for _ in range(nodes):
            cluster.add_node(**node)
        yield cluster
    finally:
        cluster.shutdown()


def kill_one_worker(cluster: Any) -> str:
    """Kill a process that runs tasks, as the kernel does when memory runs out."""
    for node in cluster.list_all_nodes():
        for child in _children(node.all_processes["raylet"][0].process.pid):
            with contextlib.suppress(OSError), open(f"/proc/{child}/cmdline") as file:
                if "ray::_worked" in file.read():
                    os.kill(child, signal.SIGKILL)
                    return "worker"
    return "worker that had none to do"


def kill_one_node(cluster: Any) -> str:
    """Kill a node that is not the head, with its workers, as a power cut would."""
    node = next(iter(cluster.worker_nodes))
    own = node.all_processes["raylet"][0].process.pid
    for process in [*_children(own), own]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return "node"


def _children(process: int) -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/{process}/task/{process}/children") as file:
        return [int(child) for child in file.read().split()]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=1, help="processors of each node")
    parser.add_argument("--kill-after", type=float, metavar="S")
    parser.add_argument("command", nargs="*", help="after --; {address} is replaced")
    told = parser.parse_args()
    with local_cluster(told.nodes, told.cpus) as cluster:
        print(f"{told.nodes} nodes at {cluster.address}", file=sys.stderr)
        if told.kill_after is not None:
            threading.Timer(told.kill_after, kill_one_node, [cluster]).start()
        if not told.command:
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(60)
            return 0
        return subprocess.run([w.format(address=cluster.address) for w in told.command]).returncode


if __name__ == "__main__":
    raise SystemExit(main())
