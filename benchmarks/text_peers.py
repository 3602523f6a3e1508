"""Near-duplicate texts by other libraries, each in its own process: `text_peers.py NAME FILE OUT`.

Prints the seconds from the Parquet file to the rows to remove, imports left out, and writes these
rows to OUT as a numpy array. Every one uses word 5-grams and 112 or 128 hashes.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    first = np.full(label.max() + 1, n)
    np.minimum.at(first, label, np.arange(n))
    return np.flatnonzero(first[label] != np.arange(n))


def banded(hashes: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours in equal bands of sketches that a peer made."""
    n = len(hashes)
    mixed = hashes.reshape(n, -1, rows).astype(np.uint64)
    keys = (mixed * (np.arange(1, rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))).sum(
        2
    )
    left, right = [], []
    for band in range(keys.shape[1]):
        order = np.argsort(keys[:, band], kind="stable")
        equal = np.flatnonzero(np.diff(keys[order, band]) == 0)
        left.append(order[equal]), right.append(order[equal + 1])
    return np.concatenate(left), np.concatenate(right)


def daft(path: Path) -> np.ndarray:
    import daft as engine
    from daft import col
    from daft.functions import minhash

    hashed = minhash(col("text"), num_hashes=112, ngram_size=5, seed=1, hash_function="xxhash")
    table = engine.read_parquet(str(path)).select(hashed.alias("m")).to_arrow()
    column = table["m"].combine_chunks()
    values = np.asarray(column.flatten(), np.uint32).reshape(-1, 112)
    return components(len(values), *banded(values, 8))


def rensa(path: Path) -> np.ndarray:
    from rensa import RMinHash

    rows = []
    for batch in pq.ParquetFile(path).iter_batches(5000, columns=["text"]):
        split = [text.split() for text in batch.column(0).to_pylist()]
        grams = [[" ".join(w[k : k + 5]) for k in range(len(w) - 4)] for w in split]
        rows.append(RMinHash.digest_matrix_from_token_sets(grams, 128, 42).to_rows())
    values = np.concatenate([np.asarray(r, np.uint32) for r in rows])
    return components(len(values), *banded(values, 8))


def datasketch(path: Path) -> np.ndarray:
    from datasketch import MinHash, MinHashLSH

    index, left, right, number = MinHashLSH(num_perm=112, params=(14, 8)), [0], [0], 0
    for batch in pq.ParquetFile(path).iter_batches(2000, columns=["text"]):
        split = [text.split() for text in batch.column(0).to_pylist()]
        grams = [[" ".join(w[k : k + 5]).encode() for k in range(len(w) - 4)] for w in split]
        for sketch in MinHash.bulk(grams, num_perm=112):
            for found in index.query(sketch):
                left.append(found), right.append(number)
            index.insert(number, sketch, check_duplication=False)
            number += 1
    return components(number, np.array(left), np.array(right))


def datatrove(path: Path) -> np.ndarray:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Split(WordTokenizer):
        """The cheapest tokenizer there is."""

        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    with tempfile.TemporaryDirectory() as folder:
        table = pq.read_table(path)
        half = table.num_rows // 2
        ids = pa.array([str(n) for n in range(table.num_rows)])
        table = table.append_column("id", ids)
        Path(folder, "in").mkdir()
        for number, part in enumerate((table.slice(0, half), table.slice(half))):
            pq.write_table(part, f"{folder}/in/{number}.parquet")
        began = time.perf_counter()
        config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
        read = ParquetReader(f"{folder}/in", id_key="id", text_key="text")
        marks, buckets, gone = (f"{folder}/{name}" for name in ("marks", "buckets", "gone"))
        steps = [
            (
                [read, MinhashDedupSignature(output_folder=marks, config=config, language=Split())],
                2,
            ),
            ([MinhashDedupBuckets(input_folder=marks, output_folder=buckets, config=config)], 14),
            ([MinhashDedupCluster(input_folder=buckets, output_folder=gone, config=config)], 1),
            ([read, MinhashDedupFilter(input_folder=gone), ParquetWriter(f"{folder}/out")], 2),
        ]
        for number, (pipeline, tasks) in enumerate(steps):
            LocalPipelineExecutor(
                pipeline=pipeline, tasks=tasks, workers=2, logging_dir=f"{folder}/log{number}"
            ).run()
        kept = [
            pq.read_table(f, columns=["id"])["id"] for f in Path(folder, "out").glob("*.parquet")
        ]
        ids = {int(value) for column in kept for value in column.to_pylist()}
        print(f"setup {began:.6f}")
        return np.setdiff1d(np.arange(table.num_rows), np.fromiter(ids, np.int64))


def datajuicer(path: Path) -> np.ndarray:
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator.document_minhash_deduplicator import (
        DocumentMinhashDeduplicator,
    )
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        table = pq.read_table(path)
        table = table.append_column("id", pa.array(np.arange(table.num_rows)))
        pq.write_table(table, f"{folder}/in.parquet")
        began = time.perf_counter()
        data = NestedDataset(Dataset.from_parquet(f"{folder}/in.parquet", cache_dir=folder))
        step = DocumentMinhashDeduplicator(
            tokenization="space",
            window_size=5,
            num_permutations=112,
            num_bands=14,
            num_rows_per_band=8,
            num_proc=2,
        )
        kept = np.array(step.run(data)["id"])
        print(f"setup {began:.6f}")
        return np.setdiff1d(np.arange(table.num_rows), kept)


PEERS: dict[str, tuple[str, Callable[[Path], np.ndarray]]] = {
    "daft": ("daft", daft),
    "rensa": ("rensa", rensa),
    "datasketch": ("datasketch", datasketch),
    "datatrove": ("datatrove", datatrove),
    "datajuicer": ("data_juicer", datajuicer),
}


def main() -> None:
    name, path, out = sys.argv[1:]
    module, peer = PEERS[name]
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    importlib.import_module(module)
    began = time.perf_counter()
    removed = peer(Path(path))
    print(f"seconds {time.perf_counter() - began:.6f} ended {time.perf_counter():.6f}")
    np.save(out, removed)


if __name__ == "__main__":
    main()
