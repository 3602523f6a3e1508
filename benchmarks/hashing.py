"""What checksums and the ledger cost an ingest: the same ingest with and without them.

    python benchmarks/hashing.py [--records 2000] [--rounds 5]

Ingests questions on photograph-sized JPEGs in this process, as `cauldron ingest` does in a worker,
turn by turn with sha256 and with a hash that does nothing. Promise: at most 3 % of the time of an
ingest. Hashing has a thread of its own, so processor time shows more of it than the clock does.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import simplejpeg

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.storage import files

PROMISED = 0.03


class Nothing:
    """A hash that does nothing."""

    def update(self, payload: object) -> None:
        return None

    def hexdigest(self) -> str:
        return "0" * 64


def write_raw(folder: Path, records: int) -> None:
    """Write VSR's layout: statements on JPEGs of 640 x 480, about 90 kB each."""
    (folder / "train2017").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = []
    for number in range(records):
        rough = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        pixels = np.kron(rough, np.ones((8, 8, 1), np.uint8))
        name = f"{number:012d}.jpg"
        (folder / "train2017" / name).write_bytes(simplejpeg.encode_jpeg(pixels, quality=85))
        told = {"image": name, "image_link": f"http://images.cocodataset.org/train2017/{name}"}
        told |= {"caption": f"The cat {number} is left of the dog.", "label": number % 2}
        lines.append(orjson.dumps({**told, "relation": "left of"}))
    splits = folder / "data" / "splits" / "random"
    splits.mkdir(parents=True)
    (splits / "train.jsonl").write_bytes(b"\n".join(lines))


def ingested(raw: Path, hashed: bool) -> tuple[float, float]:
    """Return the seconds of one ingest, by the clock and of all processors."""
    files.hashlib = hashlib if hashed else type("Off", (), {"sha256": staticmethod(Nothing)})
    with tempfile.TemporaryDirectory() as place, LocalEngine(0) as engine:
        began, used = time.perf_counter(), time.process_time()
        steps.ingest(engine, place, "vsr", [str(raw)])
        return time.perf_counter() - began, time.process_time() - used


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        write_raw(raw, chosen.records)
        size = sum(path.stat().st_size for path in raw.rglob("*.jpg"))
        ingested(raw, True)
        pairs = [(ingested(raw, True), ingested(raw, False)) for _ in range(chosen.rounds)]
    print(f"{chosen.records:,} records, {size / 1e6:,.0f} MB of pictures")
    for number, kind in enumerate(("seconds", "processor seconds")):
        with_ = statistics.median(pair[0][number] for pair in pairs)
        without = statistics.median(pair[1][number] for pair in pairs)
        share = 1 - without / with_
        print(f"{kind}: {with_:.3f} with checksums, {without:.3f} without: {share:.1%}")
    print(f"(promised: at most {PROMISED:.0%} of the time)")


if __name__ == "__main__":
    main()
