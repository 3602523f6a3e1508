"""Queries of `cauldron view` over a work folder of a million samples: seconds and memory.

    python benchmarks/view.py --samples 1000000

Signals and decisions are drawn by a seed; the time is that of the whole page over HTTP, the memory
that of the serving process.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow as pa

from cauldron.sample import SAMPLE_SCHEMA
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage import work
from cauldron.storage.shards import write_shard, write_table

ROWS = 2_000
QUERIES = {
    "first page": "",
    "one source": "?source=s3",
    "two ranges": "?signal1=chars&min1=1000&max1=1200&signal2=image_width&min2=300&max2=320",
    "sorted": "?sort=-chars",
    "range, sorted": "?signal1=chars&min1=500&sort=char_repetition",
    "one reason": "?reason=too_short",
}


def main() -> None:
    """Make the folder, serve it, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cauldron-view-"))
    try:
        for number in range(arguments.samples // ROWS):
            _write_part(str(folder), f"s{number % 10}", number // 10, number)
        _ask(folder, arguments.samples)
    finally:
        shutil.rmtree(folder)


def _write_part(place: str, source: str, part: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = f"part-{part:05d}"
    ids = [f"{source}/train/{part}-{row}" for row in range(ROWS)]
    text = {"type": "text", "text": "What is shown here?"}
    message = [{"role": "user", "content": [text]}]
    origin = {"file": "f", "record": "1"}
    rows = [
        {"id": i, "source": source, "messages": message, "images": [], "license": "MIT"}
        | {"origin": origin, "extra": "{}"}
        for i in ids
    ]
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    write_shard(work.samples(place, source, name), [table], SAMPLE_SCHEMA)
    columns = [_column(field, ids, rng) for field in SIGNALS_SCHEMA]
    write_table(work.signals(place, source, name), pa.table(columns, schema=SIGNALS_SCHEMA))
    keep = rng.random(ROWS) > 0.1
    reasons = pa.array(np.where(keep, None, "too_short").tolist(), pa.string())
    decided = pa.table({"id": ids, "keep": keep, "reason": reasons})
    write_table(work.decisions(place, "filter", source, name), decided)


def _column(field: pa.Field, ids: list[str], rng: np.random.Generator) -> pa.Array:
    if field.name == "id":
        return pa.array(ids)
    if field.name == "language":
        return pa.array(rng.choice(["en", "fr", "de"], ROWS).tolist())
    kind, listed = field.type, pa.types.is_list(field.type)
    inner = kind.value_type if listed else kind
    if pa.types.is_integer(inner):
        values = pa.array(rng.integers(0, 100 if inner.bit_width == 8 else 2000, ROWS), inner)
    elif pa.types.is_floating(inner):
        values = pa.array(rng.random(ROWS), inner)
    elif pa.types.is_boolean(inner):
        values = pa.array(rng.random(ROWS) > 0.5)
    else:
        return pa.nulls(ROWS, kind)
    if not listed:
        return values
    return pa.ListArray.from_arrays(np.arange(ROWS + 1, dtype=np.int32), values).cast(kind)


def _ask(folder: Path, samples: int) -> None:
    command = [sys.executable, "-m", "cauldron", "view", str(folder), "--port", "0"]
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(line.split()[0] for line in server.stderr if line.startswith("http"))
        report = {"samples": samples, "start_s": round(time.perf_counter() - started, 1)}
        urllib.request.urlopen(url).read()
        for name, query in QUERIES.items():
            report[f"{name}, ms"] = _median_ms(url + query)
        status = Path(f"/proc/{server.pid}/status").read_text()
        report["memory, MB"] = int(status.partition("VmRSS:")[2].split()[0]) // 1024
        server.terminate()
    print(json.dumps(report, indent=2))


def _median_ms(url: str) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        urllib.request.urlopen(url).read()
        times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()
