"""Ingest against a plain loop: same files read, same columns written, ratio in one run.

    python benchmarks/ingest.py [--images 4000] [--kilobytes 100] [--rounds 9] [--workers 0]
                                [--checksums]

A workload in the layout of VSR (a JSON lines file and a folder of JPEG files) is generated in a
temporary folder. The peer is what one would write by hand: parse a line, read its picture, collect
a hundred rows, append them to a Parquet file with pyarrow; it opens, checks, hashes and counts
nothing, and leaves its files to the page cache. Ingest does all that, and does not end before the
disk has everything. So a third runner is the same loop with an fsync of each file. All take turns,
in another order each round. Ingest runs in this very process: with --workers it also pays for the
start of its workers, which is half a second each, once a run of any size. Promise: at least 70 % of
the loop's rate, by the best round of each; medians, and the seconds of CPU that the machine's other
work cannot change, stand beside it. With --checksums a further runner ingests without hashing what
it writes: what the checksums of shards cost, in time on the clock and of CPU.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage.files import HashingFile

PROMISED = 0.7
GROUP_ROWS = 100
SHARD_ROWS = 2_000


def generate(folder: Path, n_images: int, kilobytes: int) -> int:
    """Write the workload; return the bytes of all pictures."""
    pictures = folder / "train2017"
    pictures.mkdir()
    chance = random.Random(0)
    bases = [_jpeg(chance, kilobytes * share // 100) for share in range(50, 151, 10)]
    total = 0
    with (folder / "train.jsonl").open("w") as lines:
        for number in range(n_images):
            name = f"{number:012d}.jpg"
            payload = _unlike(bases[number % len(bases)], number)
            (pictures / name).write_bytes(payload)
            total += len(payload)
            caption = f"Object {number} stands left of object {number + 1}."
            record = {"image": name, "caption": caption, "label": number % 2, "relation": "left of"}
            lines.write(json.dumps(record) + "\n")
    return total


def _jpeg(chance: random.Random, kilobytes: int) -> bytes:
    """Return a JPEG of noise of about this size."""
    side = max(int((kilobytes * 1024 * 1.6) ** 0.5), 16)
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), chance.randbytes(3 * side * side)).save(out, "JPEG")
    return out.getvalue()


def _unlike(jpeg: bytes, number: int) -> bytes:
    """Return the JPEG with a comment of its own, so that no two files are equal."""
    return jpeg[:2] + b"\xff\xfe\x00\x0a" + number.to_bytes(8, "big") + jpeg[2:]


def synced_loop(raw: Path, out: Path) -> int:
    """Write the samples by hand and bring the files to disk; return the number of samples."""
    written = plain_loop(raw, out)
    for path in out.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    return written


def plain_loop(raw: Path, out: Path) -> int:
    """Write the samples by hand; return their number."""
    out.mkdir(parents=True)
    written = 0
    writer: pq.ParquetWriter | None = None
    held: list[dict[str, Any]] = []
    with (raw / "train.jsonl").open("rb") as lines:
        for line in lines:
            held.append(_row(raw, json.loads(line)))
            if len(held) == GROUP_ROWS:
                if writer is None:
                    writer = _writer(out / f"part-{written // SHARD_ROWS:05d}.parquet")
                writer.write_table(pa.Table.from_pylist(held, SAMPLE_SCHEMA))
                written += len(held)
                held = []
                if written % SHARD_ROWS == 0:
                    writer.close()
                    writer = None
    if held:
        writer = writer or _writer(out / "part-last.parquet")
        writer.write_table(pa.Table.from_pylist(held, SAMPLE_SCHEMA))
    if writer is not None:
        writer.close()
    return written + len(held)


def _row(raw: Path, record: dict[str, Any]) -> dict[str, Any]:
    name = record["image"]
    question = f"Is this right? {record['caption']}"
    content = [{"type": "image", "text": None}, {"type": "text", "text": question}]
    answer = [{"type": "text", "text": "Yes." if record["label"] else "No."}]
    return {
        "id": f"vsr/train/{name}",
        "source": "vsr",
        "messages": [
            {"role": "user", "content": content},
            {"role": "assistant", "content": answer},
        ],
        "images": [{"bytes": (raw / "train2017" / name).read_bytes(), "path": name}],
        "license": "Apache-2.0",
        "origin": {"file": "train.jsonl", "record": name},
        "extra": json.dumps({"relation": record["relation"]}),
    }


def _writer(path: Path) -> pq.ParquetWriter:
    texts = [name for name in SAMPLE_SCHEMA.names if name != "images"]
    compression = {"images.list.element.bytes": "none", **dict.fromkeys(texts, "zstd")}
    return pq.ParquetWriter(path, SAMPLE_SCHEMA, compression=compression, use_dictionary=texts)


def cauldron(raw: Path, out: Path, workers: int) -> int:
    """Ingest the workload; return the number of samples."""
    with LocalEngine(workers) as engine:
        entry = steps.ingest(engine, str(out), "vsr", [str(raw)])
    return int(entry["counts"]["written"])


def unhashed(raw: Path, out: Path) -> int:
    """Ingest the workload in this process, but hash no shard."""
    hashing = HashingFile._hash_range
    HashingFile._hash_range = lambda *args: None  # type: ignore[method-assign]
    try:
        return cauldron(raw, out, 0)
    finally:
        HashingFile._hash_range = hashing  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took: seconds on the clock and of CPU, workers included."""

    wall_s: float
    cpu_s: float


def timed(run: Callable[[Path], int], out: Path, expected: int) -> Run:
    """Run once into a fresh folder."""
    shutil.rmtree(out, ignore_errors=True)
    os.sync()  # nobody pays for what the other has left to be written
    start, used = time.perf_counter(), _cpu_s()
    written = run(out)
    result = Run(wall_s=time.perf_counter() - start, cpu_s=_cpu_s() - used)
    if written != expected:
        raise SystemExit(f"{written} of {expected} samples were written")
    return result


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def compared(runs: dict[str, list[Run]], total: int) -> dict[str, Any]:
    """Return rates, CPU and ratios of all runners."""
    best = {name: min(run.wall_s for run in taken) for name, taken in runs.items()}
    middle = {name: statistics.median(r.wall_s for r in taken) for name, taken in runs.items()}
    hashing = {}
    if "unhashed" in runs:
        cpu = {name: min(r.cpu_s for r in taken) for name, taken in runs.items()}
        hashing = {
            "share_of_checksums": round(1 - best["unhashed"] / best["cauldron"], 3),
            "share_of_checksums_by_medians": round(1 - middle["unhashed"] / middle["cauldron"], 3),
            "share_of_checksums_in_cpu": round(1 - cpu["unhashed"] / cpu["cauldron"], 3),
        }
    return {
        "best_mb_per_s": {name: round(total / 1e6 / best[name], 1) for name in runs},
        "median_mb_per_s": {name: round(total / 1e6 / middle[name], 1) for name in runs},
        "least_cpu_s": {
            name: round(min(r.cpu_s for r in taken), 2) for name, taken in runs.items()
        },
        "ratio": round(best["loop"] / best["cauldron"], 3),
        "ratio_of_medians": round(middle["loop"] / middle["cauldron"], 3),
        "ratio_to_synced_loop": round(best["synced_loop"] / best["cauldron"], 3),
        "ratio_of_medians_to_synced_loop": round(middle["synced_loop"] / middle["cauldron"], 3),
        **hashing,
    }


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--images", type=int, default=4_000)
    options.add_argument("--kilobytes", type=int, default=100, help="mean size of a picture")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--workers", type=int, default=0, help="processes; 0: this one alone")
    options.add_argument("--checksums", action="store_true", help="also measure what they cost")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
        raw, out = Path(name, "raw"), Path(name, "out")
        raw.mkdir()
        total = generate(raw, given.images, given.kilobytes)
        runners: dict[str, Callable[[Path], int]] = {
            "loop": lambda out: plain_loop(raw, out),
            "cauldron": lambda out: cauldron(raw, out, given.workers),
            "synced_loop": lambda out: synced_loop(raw, out),
        }
        if given.checksums:
            runners["unhashed"] = lambda out: unhashed(raw, out)
        runs: dict[str, list[Run]] = {runner: [] for runner in runners}
        order = list(runners)
        for _ in range(given.rounds):
            for runner in order:
                runs[runner].append(timed(runners[runner], out, given.images))
            order = order[1:] + order[:1]
    about = {"images": given.images, "megabytes": round(total / 1e6), "workers": given.workers}
    print(json.dumps({**about, **compared(runs, total), "promised": PROMISED}))


if __name__ == "__main__":
    main()
