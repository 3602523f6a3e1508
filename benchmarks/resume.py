"""How soon a run sees that everything is done: a recipe over many parts, once more.

    python benchmarks/resume.py [--parts 1000] [--rows 10]

A source in the layout of VSR with as many parts as asked for (shards are made small for that) goes
through ingest, measure, filter, dedup and mix. Then `cauldron run` is called again by a process of
its own, start and imports included, on the work folder where all is done. Promise: under 2 s for
1,000 parts, nothing decoded and nothing written again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingest import generate

from cauldron import planning, steps
from cauldron.cli.main import main as command

PROMISED_S = 2.0
ROUNDS = 3
RECIPE = """schema_version: 1
name: again
ingest:
  - source: vsr
    raw: [raw]
"""


def run(folder: Path, rows: int) -> None:
    """Run the recipe in this process, with shards of so many rows."""
    planning.SHARD_ROWS = steps.SHARD_ROWS = rows
    sys.argv = ["cauldron", "run", str(folder / "recipe.yaml"), "-o", str(folder / "work")]
    command()


def timed(folder: Path, rows: int) -> float:
    """Return the seconds that one run takes in a process of its own."""
    start = time.perf_counter()
    again = [sys.executable, __file__, "--rows", str(rows), "--in", str(folder)]
    subprocess.run(again, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def stamps(folder: Path) -> dict[str, int]:
    """Return when each shard and each file of signals was written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--parts", type=int, default=1_000)
    options.add_argument("--rows", type=int, default=10, help="samples of one part")
    options.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.folder:
        run(given.folder, given.rows)
        return
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        generate(folder / "raw", given.parts * given.rows, 1)
        (folder / "recipe.yaml").write_text(RECIPE)
        first = timed(folder, given.rows)
        parts = len(list((folder / "work" / "samples").rglob("*.parquet")))
        before = stamps(folder / "work" / "samples") | stamps(folder / "work" / "signals")
        again = [timed(folder, given.rows) for _ in range(ROUNDS)]
        after = stamps(folder / "work" / "samples") | stamps(folder / "work" / "signals")
    told = {
        "parts": parts,
        "first_run_s": round(first, 2),
        "again_s": {"best": round(min(again), 2), "median": round(statistics.median(again), 2)},
        "nothing_written_again": before == after,
        "promised_s": PROMISED_S,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
