"""Memory of the process that leads a step, over the signals of a million samples.

    python benchmarks/driver_memory.py [--samples 1000000] [--workers 2] [--data DIR]

20,000 samples of `cluster_corpus.py` are ingested and measured; their parts are then repeated until
there are enough, with other ids, other hashes and other sketches each time, so that duplicates are
found within a repetition and none across. Then filter, dedup, decontaminate, mix and materialise
run as commands of their own, with local workers, and each tells the peak memory of its own process.

Promise: under 1 GiB each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cluster_corpus import corpus
from ray_overhead import TOLD

from cauldron import curation
from cauldron.engine.local import LocalEngine
from cauldron.recipe import load_recipe
from cauldron.signals.thumbs import GREY_BYTES, LOOK_BYTES, greys
from cauldron.steps import ingest
from cauldron.storage import files, work
from cauldron.storage.shards import write_table

PROMISED_MIB = 1024
BASE = 20_000
_SIDE = 64


def repeated(place: str, samples: int) -> None:
    """Fill a work folder with repetitions of the parts that it has."""
    for source in work.sources(place):
        base = work.parts(place, source)
        for time_ in range(1, samples // BASE):
            for number, part in enumerate(base):
                name = f"part-{time_ * len(base) + number:05d}"
                own = Path(work.samples(place, source, name))
                if not own.exists():
                    own.hardlink_to(work.samples(place, source, part))
                table = changed(pq.read_table(work.signals(place, source, part)), time_)
                write_table(work.signals(place, source, name), table)
                told = files.read_json(work.receipt(place, f"measure-{source}", part))
                size = files.size_bytes(work.signals(place, source, name))
                told |= {"outputs": [size], "key": f"{told['key']}-{time_}"}
                files.write_json(work.receipt(place, f"measure-{source}", name), told)


def changed(table: pa.Table, time_: int) -> pa.Table:
    """Return signals of which nothing equals, or is near, those of another repetition."""
    rng = np.random.default_rng(time_)
    bits = rng.integers(0, 256, 512, dtype=np.uint8)
    moves = tuple(rng.integers(1, _SIDE, 2).tolist())

    def moved(held: np.ndarray) -> np.ndarray:
        looks = held.reshape(-1, LOOK_BYTES)
        grey = np.roll(greys(looks)[:, ::-1], moves, (1, 2)).reshape(len(looks), -1)
        return np.concatenate([grey, looks[:, GREY_BYTES:]], axis=1)

    turns = {"minhash": lambda held: held.reshape(-1, 512) ^ bits, "image_thumb": moved}
    ends = f"{time_:04x}"
    for name in ("id", "text_hash", "image_hash", "question_hashes", *turns):
        column = table[name].combine_chunks()
        lists = isinstance(column.type, pa.ListType)
        flat = column.flatten() if lists else column
        if name in turns:
            made = _with_bytes(flat, turns[name](_bytes(flat)))
        else:
            made = pc.binary_join_element_wise(pc.utf8_slice_codeunits(flat, 0, 28), ends, "")
        if lists:
            made = pa.ListArray.from_arrays(column.offsets, made)
        table = table.set_column(table.column_names.index(name), name, made)
    return table


def _bytes(values: pa.BinaryArray) -> np.ndarray:
    ends = np.frombuffer(values.buffers()[1], np.int32)[: len(values) + 1]
    return np.frombuffer(values.buffers()[2], np.uint8)[ends[0] : ends[-1]]


def _with_bytes(values: pa.BinaryArray, held: np.ndarray) -> pa.BinaryArray:
    """Return values of the same lengths, nulls where they were, with other bytes."""
    payload = pa.py_buffer(np.ascontiguousarray(held).tobytes())
    buffers = [values.buffers()[0], values.buffers()[1], payload]
    return pa.BinaryArray.from_buffers(values.type, len(values), buffers, values.null_count)


def command(*arguments: str) -> tuple[float, int]:
    """Return seconds and the peak of the process itself in MiB."""
    began = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", TOLD, *arguments], capture_output=True, text=True)
    if told.returncode:
        sys.exit(told.stderr[-2000:])
    peak = next(line for line in told.stderr.splitlines() if line.startswith("VmHWM"))
    return time.perf_counter() - began, int(peak.split()[1]) >> 10


def prepared(folder: Path, samples: int) -> tuple[str, str]:
    """Return a work folder with the signals of so many samples, and a recipe to mix it."""
    place = str(folder / f"work-{samples}")
    recipe = corpus(folder / "raw", BASE)
    if not files.exists(work.ledger(place, "prepared")):
        with LocalEngine(2) as engine:
            for entry in load_recipe(str(recipe)).ingest:
                ingest(engine, place, entry.source, list(entry.raw))
            curation.measure(engine, place)
        repeated(place, samples)
        files.write_json(work.ledger(place, "prepared"), {"step": "prepared"})
    return place, str(recipe)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=1_000_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--data", type=Path, help="Where the work folder is kept.")
    options.add_argument("--steps", nargs="*", help="Only these.")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (chosen.data or Path(scratch)).resolve()
        place, recipe = prepared(folder, chosen.samples)
        bench = folder / "bench.jsonl"
        bench.write_bytes(orjson.dumps({"question": "Which road leads from here to the sea?"}))
        workers = ("--workers", str(chosen.workers))
        steps = {
            "filter": ("filter", place, "--rules", "default"),
            "dedup": ("dedup", place),
            "decontaminate": ("decontaminate", place, "--against", f"sea={bench}"),
            "mix": ("mix", place, "--recipe", recipe, "--name", "rows"),
            "materialise": ("mix", place, "--recipe", recipe, "--materialize"),
        }
        worst = 0
        for name in chosen.steps or steps:
            seconds, peak = command(*steps[name], *workers)
            worst = max(worst, peak)
            print(f"{name:14} {seconds:7.1f} s  {peak:5,} MiB, driver", flush=True)
        if worst > PROMISED_MIB:
            sys.exit(f"promised: under {PROMISED_MIB:,} MiB")


if __name__ == "__main__":
    main()
