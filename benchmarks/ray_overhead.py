"""The same recipe on a Ray cluster and on this machine: equal bytes, ratio of times in one run.

    python benchmarks/ray_overhead.py [--samples 100000] [--nodes 2] [--rounds 1] [--kill]

Chats with pictures and documents, with copies (`cluster_corpus.py`), are ingested, measured,
filtered, searched for duplicates and mixed into shards: by local workers, then by a cluster of as
many nodes of one processor, each a raylet of its own on this machine, started before the clock.
Every sample, signal, decision, shard and manifest must be the same. `--kill` ends one worker, then
one node, with SIGKILL while the recipe runs, and starts it with a node more; no time is told then.

Promise: at most 1.25 times as long at 2 workers, 100,000 samples.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cluster_corpus import corpus

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "ray"))
from local_cluster import kill_one_node, kill_one_worker, local_cluster

PROMISED = 1.25
KINDS = ("samples", "signals", "decisions", "quarantine", "mixture")
TOLD = """
import sys
from cauldron.cli.main import app
try:
    app()
finally:
    peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(*peak, file=sys.stderr)
"""


def run(recipe: Path, place: Path, *more: str) -> tuple[float, int]:
    """Return seconds of a run, and the peak memory of the process that leads it in MiB."""
    command = [sys.executable, "-c", TOLD, "run", str(recipe), "-o", str(place), "--json", *more]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    peak = next(line for line in done.stderr.splitlines() if line.startswith("VmHWM"))
    return seconds, int(peak.split()[1]) >> 10


def outputs(place: Path) -> dict[str, str]:
    """Return the sha256 of every file that a run has written."""
    found = [p for kind in KINDS for p in (place / kind).rglob("*") if p.is_file()]
    return {str(p.relative_to(place)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def killing(cluster: object, place: Path) -> None:
    """Kill a worker when signals begin to come, and a node when decisions do."""
    for kind, kill in (("signals", kill_one_worker), ("decisions", kill_one_node)):
        for _ in range(6_000):
            if any((place / kind).rglob("*.parquet")):
                break
            time.sleep(0.1)
        print(f"killed a {kill(cluster)} while {kind} came", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=100_000)
    options.add_argument("--nodes", type=int, default=2)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--kill", action="store_true")
    options.add_argument("--data", type=Path, help="Where raw data and results are kept.")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (chosen.data or Path(scratch)).resolve()
        recipe = corpus(folder / f"raw-{chosen.samples}", chosen.samples)
        local, spread = folder / "local", folder / "ray"
        print(f"{chosen.samples:,} samples, {chosen.nodes} workers", flush=True)
        best = {"local": float("inf"), "ray": float("inf")}
        with local_cluster(chosen.nodes + chosen.kill, 1) as cluster:
            on_ray = ("--engine", "ray", "--address", cluster.address)
            for _ in range(chosen.rounds):
                for name, more in (("local", ("--workers", str(chosen.nodes))), ("ray", on_ray)):
                    place = folder / name
                    shutil.rmtree(place, ignore_errors=True)
                    if chosen.kill and name == "ray":
                        threading.Thread(target=killing, args=(cluster, place)).start()
                    seconds, peak = run(recipe, place, *more)
                    best[name] = min(best[name], seconds)
                    rate = chosen.samples / seconds
                    print(f"{name:6} {seconds:7.1f} s  {rate:7,.0f} samples/s  ", end="")
                    print(f"{peak:5,} MiB, driver", flush=True)
        if outputs(local) != outputs(spread):
            sys.exit("the bytes differ")
        print(f"{len(outputs(local)):,} files, equal to the byte")
        if not chosen.kill:
            ratio = best["ray"] / best["local"]
            print(f"{ratio:.2f} times as long, the best of each (promised {PROMISED})")
            if ratio > PROMISED:
                sys.exit("too slow")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    main()
