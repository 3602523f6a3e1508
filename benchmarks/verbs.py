"""What the commands take from disk to disk: `cauldron measure`, then `cauldron dedup`."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from cauldron.sample import SAMPLE_SCHEMA, sample_table
from cauldron.storage import work
from cauldron.storage.shards import read_table, write_shard

SOURCE = "speed"
_ROWS = 2_000  # of a part


def sample(number: int, messages: Any, images: list[bytes]) -> dict[str, Any]:
    """Return a sample whose id tells its number."""
    return {
        "id": f"{SOURCE}/train/{number:09d}",
        "source": SOURCE,
        "messages": messages,
        "images": [{"bytes": data, "path": None} for data in images],
        "license": "",
        "origin": {"file": "", "record": str(number)},
        "extra": "",
    }


def written(place: Path, samples: Iterable[dict[str, Any]]) -> None:
    """Write samples as a work folder."""
    coming = iter(samples)
    for number in itertools.count():
        rows = list(itertools.islice(coming, _ROWS))
        if not rows:
            return
        url = work.samples(str(place), SOURCE, f"part-{number:05d}")
        write_shard(url, [sample_table(rows)], SAMPLE_SCHEMA)


def ran_s(*arguments: str) -> float:
    """Return the seconds that one command takes, its start included."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "cauldron", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def removed_by_commands(place: Path, workers: int, *dedup: str) -> tuple[float, float, np.ndarray]:
    """Return the seconds of measuring what `dedup` compares and of `dedup`, and what it drops."""
    folder, many = str(place), ("--workers", str(workers))
    measured = ran_s("measure", folder, "--signals", "hashes,sketch,pixels", *many)
    sought = ran_s("dedup", folder, *many, *dedup)
    numbers: list[int] = []
    for part in work.parts(folder, SOURCE):
        table = read_table(work.decisions(folder, "dedup", SOURCE, part), ["id", "keep"])
        gone = table.filter(pc.invert(table["keep"]))
        numbers += [int(name.rpartition("/")[2]) for name in gone["id"].to_pylist()]
    return measured, sought, np.array(numbers, np.int64)
