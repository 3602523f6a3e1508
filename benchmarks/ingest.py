"""Ingest against a plain loop: same files read, same columns written, ratio in one run.

    python benchmarks/ingest.py [--images 4000] [--kilobytes 100] [--rounds 3] [--workers 1]

A workload in the layout of VSR (a JSON lines file and a folder of JPEG files) is generated in a
temporary folder. The peer is what one would write by hand: parse a line, read its picture, collect
a hundred rows, append them to a Parquet file with pyarrow; it opens, checks, hashes and counts
nothing. Both take turns, so that other work on the machine meets both. Promise: at least 70 %.
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
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.sample import SAMPLE_SCHEMA

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


def timed(name: str, run: Callable[[Path], int], folder: Path, expected: int) -> float:
    """Run once into a fresh folder; return the seconds it took."""
    out = folder / name
    shutil.rmtree(out, ignore_errors=True)
    os.sync()  # nobody pays for what the other has left to be written
    start = time.perf_counter()
    written = run(out)
    seconds = time.perf_counter() - start
    if written != expected:
        raise SystemExit(f"{name} wrote {written} of {expected} samples")
    return seconds


def main() -> None:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--images", type=int, default=4_000)
    options.add_argument("--kilobytes", type=int, default=100, help="mean size of a picture")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--workers", type=int, default=1, help="processes of the ingest")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauldron-bench-") as name:
        folder = Path(name)
        raw = folder / "raw"
        raw.mkdir()
        total = generate(raw, given.images, given.kilobytes)
        loops, ingests = [], []
        for _ in range(given.rounds):
            loops.append(timed("loop", lambda out: plain_loop(raw, out), folder, given.images))
            ingests.append(
                timed("work", lambda out: cauldron(raw, out, given.workers), folder, given.images)
            )
    loop, ingest = statistics.median(loops), statistics.median(ingests)
    result = {
        "images": given.images,
        "megabytes": round(total / 1e6),
        "workers": given.workers,
        "plain_loop_mb_per_s": round(total / 1e6 / loop, 1),
        "cauldron_mb_per_s": round(total / 1e6 / ingest, 1),
        "ratio": round(loop / ingest, 3),
        "promised": PROMISED,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
