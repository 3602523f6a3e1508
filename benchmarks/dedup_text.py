"""Near-duplicate texts against the peers: same documents, recall and precision, ratio in one run.

    python benchmarks/dedup_text.py [--documents 200000] [--peers daft rensa] [--python PYTHON]

Timed is all from the Parquet file to the numbers of the rows to remove, imports left out. Every
engine uses word 5-grams and 112 or 128 hashes. Recall: planted pairs of Jaccard similarity >= 0.79
of which a side is removed. Precision: removed rows with a planted partner of similarity >= 0.45. A
peer that is not installed is left out with a line; `--python NAME=PYTHON` says which Python has it.
Slow peers can be given fewer documents (`--peer-documents`); their rate is then that of these.

`--commands` tells what `cauldron measure` (of the signals that are compared) and `cauldron dedup`
take for the same documents as a work folder, from disk to disk, their start included.

Promise: 1.0x daft, 2.5x rensa, 8x datasketch, 15x datatrove and Data-Juicer, recall 0.99,
precision 0.999. `--linear` compares 50,000 with 200,000 documents (at most 4.4 times as long),
`--memory` tells the peak of a process of its own (at most 4 GiB for a million). With `numba`
installed the pass over the bytes is compiled.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peer_process import pythons, run_peer
from planted_texts import saved
from verbs import removed_by_commands, sample, written

from cauldron.curate.groups import smallest_members
from cauldron.curate.near_texts import near_texts
from cauldron.sample import document_messages
from cauldron.signals.sketch import SKETCH_SIZE, compiled_kernel, sketches
from cauldron.storage.scratch import scratch_array

PROMISED = {"daft": 1.0, "rensa": 2.5, "datasketch": 8.0, "datatrove": 15.0, "datajuicer": 15.0}
RECALL, PRECISION = 0.99, 0.999
TARGET = 0.7  # the similarity that 14 bands of 8 rows of the peers stand for
LINEAR, MEMORY_MIB = 4.4, 4096


def cauldron(path: Path, threads: int) -> np.ndarray:
    """Return the rows to remove, as `cauldron dedup` finds them, all texts held in memory."""
    column = pq.read_table(path, columns=["text"])["text"]
    pieces = [c.slice(k, 5000) for c in column.chunks for k in range(0, len(c), 5000)]
    with ThreadPoolExecutor(threads) as pool:
        made = [sketch for sketch, _ in pool.map(sketches, pieces)]
    held = np.concatenate(made)
    pairs, _ = near_texts(held, TARGET, lambda numbers: taken(column, numbers))
    return np.flatnonzero(smallest_members(pairs, len(held)) != np.arange(len(held)))


def streamed(path: Path) -> np.ndarray:
    """Return the rows to remove, texts read again where they are asked for."""
    with pq.ParquetFile(path) as file:
        n = file.metadata.num_rows
        held = scratch_array((n, SKETCH_SIZE), np.uint32)
        start = 0
        for batch in file.iter_batches(5000, columns=["text"]):
            held[start : start + len(batch)] = sketches(batch.column(0))[0]
            start += len(batch)

        def texts_of(numbers: np.ndarray) -> pa.Array:
            out, first = [], 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                own = numbers[(numbers >= first) & (numbers < first + rows)] - first
                if len(own):
                    texts = file.read_row_group(group, columns=["text"])["text"]
                    out.append(texts.combine_chunks().take(pa.array(own)))
                first += rows
            return pa.concat_arrays(out) if out else pa.array([], pa.string())

        pairs, _ = near_texts(held, TARGET, texts_of)
    return np.flatnonzero(smallest_members(pairs, n) != np.arange(n))


def taken(column: pa.ChunkedArray, numbers: np.ndarray) -> pa.Array:
    """Return texts by ascending numbers, chunk by chunk: a take over all would join them first."""
    starts = np.cumsum([0, *map(len, column.chunks)])
    cuts = np.searchsorted(numbers, starts)
    return pa.concat_arrays(
        [
            chunk.take(pa.array(numbers[low:high] - start))
            for chunk, start, low, high in zip(column.chunks, starts, cuts, cuts[1:], strict=False)
        ]
    )


def score(
    removed: np.ndarray, n: int, pairs: np.ndarray, similar: np.ndarray
) -> tuple[float, float]:
    """Return recall and precision."""
    gone, related = np.zeros(n, bool), np.zeros(n, bool)
    gone[removed] = True
    related[pairs[similar >= 0.45].ravel()] = True
    must = pairs[similar >= 0.79]
    return float(gone[must].any(axis=1).mean()), float(related[removed].mean())


def told(name: str, rate: float, removed: np.ndarray, n: int, truth: tuple) -> None:
    recall, precision = score(removed, n, *truth)
    print(f"{name:12} {rate:9,.0f} documents/s  recall {recall:.4f}  precision {precision:.4f}")
    if name in ("cauldron", "commands") and (recall < RECALL or precision < PRECISION):
        sys.exit(f"recall and precision are promised as {RECALL} and {PRECISION}")


def own_rate(folder: Path, documents: int, threads: int, rounds: int) -> float:
    path, *truth = saved(folder, documents)
    rates, removed = [], np.zeros(0, np.int64)
    for _ in range(rounds):
        began = time.perf_counter()
        removed = cauldron(path, threads)
        rates.append(documents / (time.perf_counter() - began))
    told("cauldron", statistics.median(rates), removed, documents, tuple(truth))
    return statistics.median(rates)


def against_peers(folder: Path, chosen: argparse.Namespace, own: float) -> None:
    few = chosen.peer_documents or chosen.documents
    path, *truth = saved(folder, few)
    for name in chosen.peers:
        found = run_peer("text_peers.py", name, path, pythons(chosen.python))
        if found:
            rate = few / found[0]
            told(name, rate, found[1], few, tuple(truth))
            note = "" if few == chosen.documents else f", {name} on {few:,} documents"
            print(f"{'':12} {own / rate:.2f}x {name} (promised {PROMISED[name]}x){note}")


def by_commands(folder: Path, documents: int, workers: int) -> None:
    """Tell what the commands take for the same documents."""
    path, *truth = saved(folder, documents)
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    texts = (text for batch in pq.ParquetFile(path).iter_batches() for text in batch[0].to_pylist())
    written(place, (sample(n, document_messages((text,)), []) for n, text in enumerate(texts)))
    similarity = ("--text-similarity", str(TARGET))
    measured_s, sought_s, removed = removed_by_commands(place, workers, *similarity)
    told("commands", documents / (measured_s + sought_s), removed, documents, tuple(truth))
    print(f"{'':12} cauldron measure {measured_s:.2f} s, cauldron dedup {sought_s:.2f} s")


def own_peak_mib() -> int:
    """Return the peak of this process; `ru_maxrss` would count the process that started it too."""
    told = Path("/proc/self/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0]) >> 10


def memory(folder: Path, documents: int) -> None:
    """Run in a process of its own, so that its peak is that of finding duplicates alone."""
    path, *truth = saved(folder, documents)
    out = folder / "removed.npy"
    began = time.perf_counter()
    command = [sys.executable, __file__, "--child", str(path), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    told("cauldron", documents / seconds, np.load(out), documents, tuple(truth))
    peak = int(done.stdout)
    print(
        f"{'':12} peak memory {peak:,} MiB of {MEMORY_MIB:,}, {documents:,} documents, imports in"
    )
    if peak > MEMORY_MIB:
        sys.exit("too much memory")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=200_000)
    options.add_argument("--peer-documents", type=int, default=0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--peers", nargs="*", default=list(PROMISED))
    options.add_argument("--python", nargs="*", default=[])
    options.add_argument("--data", type=Path, help="Where generated documents are kept.")
    options.add_argument("--linear", action="store_true")
    options.add_argument("--memory", action="store_true")
    options.add_argument("--commands", action="store_true")
    options.add_argument("--generate", action="store_true", help="Only make the documents.")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        np.save(chosen.child[1], streamed(Path(chosen.child[0])))
        print(own_peak_mib())
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.data or Path(scratch)
        if chosen.generate:
            saved(folder, chosen.documents)
            return
        sketches(["a b c d e f"])
        kernel = "compiled" if compiled_kernel() else "numpy only: numba is not installed"
        print(f"{chosen.documents:,} documents, {chosen.threads} threads, {kernel}")
        if chosen.memory:
            memory(folder, chosen.documents)
            return
        if chosen.commands:
            by_commands(folder, chosen.documents, chosen.threads)
        own = own_rate(folder, chosen.documents, chosen.threads, chosen.rounds)
        if chosen.linear:
            less = own_rate(folder, chosen.documents // 4, chosen.threads, chosen.rounds)
            ratio = 4 * less / own
            print(f"{'':12} {ratio:.2f} times as long for 4 times as many (promised {LINEAR})")
        against_peers(folder, chosen, own)


if __name__ == "__main__":
    main()
