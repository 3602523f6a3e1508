"""Parquet of picture bytes against bare pyarrow: the same rows, ratio in one run.

    python benchmarks/parquet.py [--rows 20000] [--rounds 3]

JPEG-sized random bytes, one picture a sample. pyarrow writes the samples without codec, dictionary
or statistics in row groups of 2,000. cauldron bounds row groups by rows and bytes, compresses the
texts, hashes the file while it writes and flushes it to the disk. What each of these takes is told
apart: without the flush; without the hash as well, against pyarrow with row groups of the same
size. The hash runs beside the writing where a core is free. Read back are ids and pictures.
Promise: at least 90 % of pyarrow's rate, written and read.
"""

from __future__ import annotations

import argparse
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


def median_s(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    samples = tables(chosen.rows)
    plain = pa.concat_tables(samples)
    size = plain["images"].nbytes / 1e6
    with tempfile.TemporaryDirectory() as folder:
        bare, own = str(Path(folder, "bare.parquet")), str(Path(folder, "own.parquet"))

        def bare_write() -> None:
            pq.write_table(
                plain,
                bare,
                compression="none",
                use_dictionary=False,
                write_statistics=False,
                row_group_size=2000,
            )

        def unflushed() -> None:
            with mock.patch("os.fsync"):
                write_shard(own, samples, SAMPLE_SCHEMA)

        def unhashed() -> None:
            with mock.patch("os.fsync"), mock.patch("hashlib.sha256", NoHash):
                write_shard(own, samples, SAMPLE_SCHEMA)

        def small_groups() -> None:
            options: dict[str, Any] = {"use_dictionary": False, "write_statistics": False}
            pq.write_table(plain, bare, compression="none", row_group_size=100, **options)

        written = median_s(bare_write, chosen.rounds)
        small = median_s(small_groups, chosen.rounds)
        bare_write()
        took = {
            "no flush, no hash": (small, median_s(unhashed, chosen.rounds)),
            "write, no flush": (written, median_s(unflushed, chosen.rounds)),
            "write": (
                written,
                median_s(lambda: write_shard(own, samples, SAMPLE_SCHEMA), chosen.rounds),
            ),
            "read": (
                median_s(lambda: pq.read_table(bare, columns=COLUMNS), chosen.rounds),
                median_s(lambda: read_table(own, COLUMNS), chosen.rounds),
            ),
        }
    print(f"pyarrow with row groups of 100: {written / small:.0%} of its rate with those of 2,000")
    for name, (theirs, ours) in took.items():
        print(
            f"{name:17} pyarrow {size / theirs:7,.0f} MB/s, cauldron {size / ours:7,.0f} MB/s: "
            f"{theirs / ours:.0%} (promised {PROMISED:.0%})"
        )


if __name__ == "__main__":
    main()
