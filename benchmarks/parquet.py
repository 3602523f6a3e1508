"""Parquet of picture bytes against bare pyarrow: the same rows, ratio in one run.

    python benchmarks/parquet.py [--rows 20000] [--rounds 5]

JPEG-sized random bytes, one picture a sample, written without codec, dictionary or statistics. Each
write makes a new file, and those of a round come one after the other: to write a file over gives
pages of memory back and takes them again at once, which no data set does. pyarrow's own rate is
that with row groups of 2,000, which it likes best, or of 100, which the viewer of the hub wants and
cauldron writes. cauldron compresses the texts, hashes the file while it writes and flushes it to
the disk; that is compared with pyarrow whose file is hashed and flushed as well. The hash runs
beside the writing where a core is free. Read back are ids and pictures, after what was written has
reached the disk, in turns: who reads second finds memory that the first has given back.

Promise: at least 90 % of pyarrow's rate, written and read.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, sample_table
from cauldron.storage.shards import read_table, write_shard

PROMISED = 0.9
PICTURE_BYTES = 15_000
COLUMNS = ["id", "images"]
Seconds = dict[str, list[float]]


def tables(rows: int) -> list[pa.Table]:
    """Return samples as ingest makes them, 100 at a time."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(PICTURE_BYTES // 2, PICTURE_BYTES * 3 // 2, rows)
    images = [rng.bytes(int(size)) for size in sizes]
    messages = chat_messages(1, (Turn(user="What is shown?", assistant="A picture."),))
    samples = [
        {
            "id": f"x/train/{n}",
            "source": "x",
            "messages": messages,
            "images": [{"bytes": data, "path": None}],
            "license": "",
            "origin": {"file": "f", "record": str(n)},
            "extra": "",
        }
        for n, data in enumerate(images)
    ]
    return [sample_table(samples[k : k + 100]) for k in range(0, rows, 100)]


class NoHash:
    """Stands for sha256 and hashes nothing."""

    def update(self, data: object) -> None:
        pass

    def hexdigest(self) -> str:
        return ""


def bare(table: pa.Table, path: Path, rows: int) -> None:
    options: dict[str, Any] = {"use_dictionary": False, "write_statistics": False}
    pq.write_table(table, path, compression="none", row_group_size=rows, **options)


def careful(table: pa.Table, path: Path) -> None:
    """Write with pyarrow, then hash the file and flush it to the disk."""
    bare(table, path, 100)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())


def unflushed(write: Callable[[], object]) -> None:
    with mock.patch("os.fsync"):
        write()


def unhashed(write: Callable[[], object]) -> None:
    with mock.patch("os.fsync"), mock.patch("hashlib.sha256", NoHash):
        write()


def measured(ways: dict[str, Callable[[Path], object]], path: Path, rounds: int) -> Seconds:
    """Return the seconds of each way in each round, each with a file of its own."""
    took: Seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way(path)
            took[name].append(time.perf_counter() - began)
            path.unlink()
    return took


def taken_in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> Seconds:
    """Return the seconds of each way in each round; each is the first in half of the rounds.

    One round more goes ahead, in which the memory is taken from the system.
    """
    took: Seconds = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in sorted(ways, reverse=number % 2 == 1):
            began = time.perf_counter()
            ways[name]()
            took[name].append(time.perf_counter() - began)
    return {name: seconds[1:] for name, seconds in took.items()}


def told(name: str, size: float, theirs: list[float], ours: list[float]) -> None:
    share = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    rates = [size / statistics.median(took) for took in (theirs, ours)]
    print(
        f"{name:34} pyarrow {rates[0]:7,.0f} MB/s, cauldron {rates[1]:7,.0f} MB/s: {share:.0%} "
        f"(promised {PROMISED:.0%})"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    samples = tables(chosen.rows)
    plain = pa.concat_tables(samples)
    size = plain["images"].nbytes / 1e6

    def own(path: Path) -> None:
        write_shard(str(path), samples, SAMPLE_SCHEMA)

    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, "own.parquet"), Path(folder, "bare.parquet")
        ways: dict[str, Callable[[Path], object]] = {
            "2,000": lambda path: bare(plain, path, 2_000),
            "100": lambda path: bare(plain, path, 100),
            "careful": lambda path: careful(plain, path),
            "alone": lambda path: unhashed(lambda: own(path)),
            "hashed": lambda path: unflushed(lambda: own(path)),
            "own": own,
        }
        took = measured(ways, path, chosen.rounds)
        own(path)
        bare(plain, other, 2_000)
        os.sync()  # or what is still to be flushed takes the time of reading
        reads = {
            "pyarrow": lambda: pq.read_table(other, columns=COLUMNS),
            "cauldron": lambda: read_table(str(path), COLUMNS),
        }
        read = taken_in_turns(reads, 4 * chosen.rounds)
    told("written, neither hashed nor flushed", size, took["100"], took["alone"])
    told("  against row groups of 2,000", size, took["2,000"], took["alone"])
    told("written, both hashed and flushed", size, took["careful"], took["own"])
    told("  against neither, groups of 2,000", size, took["2,000"], took["own"])
    told("  the same, cauldron not flushed", size, took["2,000"], took["hashed"])
    told("read", size, read["pyarrow"], read["cauldron"])


if __name__ == "__main__":
    main()
