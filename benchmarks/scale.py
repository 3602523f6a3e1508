"""A work folder of a million samples through every step, with time and memory of each.

    python benchmarks/scale.py [--samples 1000000] [--rows 1000] [--folder DIR] [--workers 2]

Writes samples of four sources as an ingest would: a JPEG of 24 to 48 pixels a side and one or two
turns each, one in fifty a copy of an earlier one. Then runs the commands one after the other, each
in a process of its own, and each once more when all is done: a finished step must say so quickly.
Memory is the largest resident size of any process of a command. Fails where a limit is passed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg

from cauldron import __version__
from cauldron.drafts import Counts
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, sample_table
from cauldron.storage import files, work
from cauldron.storage.shards import write_shard

SOURCES = ("vqav2", "okvqa", "vsr", "textvqa")
MOST_BYTES = 3 << 30
COPIES = 50  # one sample in so many stands there twice
WORDS = np.array(
    "the cat dog house tree red blue small large near behind over under what how many is are "
    "child woman man road sky water table chair window door left right top bottom colour".split()
)
LOADER = """
import sys, time
from cauldron.loader.dataset import PlainBatches
began, seen = time.perf_counter(), 0
size = 500
for batch in PlainBatches(sys.argv[1], samples=size, stop=int(sys.argv[2]) // size):
    seen += len(batch.drawn)
assert seen >= int(sys.argv[2]) - size, seen
"""
RECIPE = """schema_version: 1
name: scale
seed: 0
ingest:
  - {source: vsr, raw: [.]}
mix:
  by: samples
  validation: {share: 0.01}
"""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of all its processors, and peak bytes of one command."""

    seconds: float
    processor_s: float
    peak_bytes: int


def sample(source: str, number: int) -> dict[str, Any]:
    """Return a sample; every `COPIES`-th has picture and texts of the one before."""
    drawn = number - (number % COPIES == 1)
    rng = np.random.default_rng([SOURCES.index(source), drawn])
    height, width = rng.integers(24, 48, 2)
    blocks = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    pixels = np.kron(blocks, np.ones((12, 12, 1), np.uint8))[:height, :width]
    picture = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=80)
    said = [" ".join(rng.choice(WORDS, rng.integers(6, 18))) for _ in range(4)]
    turns = [Turn(user=f"{said[0]} {drawn}?", assistant=said[1])]
    if drawn % 2:
        turns.append(Turn(user=f"{said[2]}?", assistant=said[3]))
    return {
        "id": f"{source}/train/{number}",
        "source": source,
        "messages": chat_messages(1, tuple(turns)),
        "images": [{"bytes": picture, "path": None}],
        "license": "CC0-1.0",
        "origin": {"file": "drawn", "record": str(number)},
        "extra": "{}",
    }


def write_part(place: str, source: str, number: int, size: int) -> dict[str, Any]:
    """Write one part of samples; return what the ledger says of it."""
    name = f"part-{number:05d}"
    rows = [sample(source, n) for n in range(number * size, (number + 1) * size)]
    table: pa.Table = sample_table(rows)
    shard = write_shard(work.samples(place, source, name), [table], SAMPLE_SCHEMA)
    return {**shard.as_dict(), "name": name}


def generate(place: str, samples: int, rows: int, workers: int) -> None:
    """Write the samples and the ledger entries of their ingests."""
    parts = samples // rows // len(SOURCES)
    with ProcessPoolExecutor(workers) as pool:
        for source in SOURCES:
            made = pool.map(
                write_part, [place] * parts, [source] * parts, range(parts), [rows] * parts
            )
            told = list(made)
            counts = Counts()
            counts.read = counts.written = counts.images = parts * rows
            entry = {"step": "ingest", "source": source, "split": "train", "status": "done"}
            entry |= {"roots": [], "settings": {}, "key": "drawn", "version": __version__}
            entry |= {"first_part": 0, "n_parts": parts, "counts": counts.as_dict()}
            work.write_entry(work.ledger(place, f"ingest-{source}-train"), {**entry, "parts": told})


def ran(*command: str) -> Took:
    """Run a command to its end.

    Raises:
        SystemExit: if it fails.
    """
    began = time.perf_counter()
    run = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {run.returncode}")
    used = usage.ru_utime + usage.ru_stime
    return Took(time.perf_counter() - began, used, usage.ru_maxrss << 10)


def commands(
    place: str, recipe: str, samples: int, workers: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the command of each step."""
    spread = ["--workers", str(workers)]
    manifest = files.join(place, "mixture", "scale", "manifest.json")
    cauldron = ["-m", "cauldron"]
    yield "measure", [*cauldron, "measure", place, *spread]
    yield "filter", [*cauldron, "filter", place, *spread]
    yield "dedup", [*cauldron, "dedup", place, *spread]
    mix = ["mix", place, "--recipe", recipe, "--name", "scale", "--materialize"]
    yield "mix, written", [*cauldron, *mix, *spread]
    yield "verify", [*cauldron, "verify", place]
    yield "loader, one epoch", ["-c", LOADER, manifest, str(int(samples * 0.9))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=1_000_000)
    options.add_argument("--rows", type=int, default=1_000, help="of a part")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--folder")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauldron-scale-") as temporary:
        place = files.join(chosen.folder or temporary, "work")
        recipe = Path(temporary, "recipe.yaml")
        recipe.write_text(RECIPE)
        if not work.sources(place):
            generate(place, chosen.samples, chosen.rows, chosen.workers)
        told = f"{chosen.samples:,} samples, {chosen.samples // chosen.rows:,} parts"
        print(f"{told}, {chosen.workers} workers\n\n{HEAD}", flush=True)
        over = []
        for name, command in commands(place, str(recipe), chosen.samples, chosen.workers):
            took = ran(*command)
            again = ran(*command) if name.startswith(RESUMED) else None
            once = f"{again.seconds:.1f} ({again.processor_s:.1f})" if again else ""
            spent = f"{took.seconds:,.0f} ({took.processor_s:,.0f})"
            rate = f"{chosen.samples / took.seconds:,.0f}"
            row = (name, spent, rate, f"{took.peak_bytes >> 20:,}", once)
            print(f"| {' | '.join(row)} |", flush=True)
            over += [name] if took.peak_bytes > MOST_BYTES else []
    if over:
        raise SystemExit(f"over {MOST_BYTES >> 20:,} MiB: {', '.join(over)}")


HEAD = """| step | seconds (of processors) | samples a second | peak memory, MiB | once more |
|---|---|---|---|---|"""
RESUMED = ("measure", "filter", "dedup", "mix")

if __name__ == "__main__":
    main()
