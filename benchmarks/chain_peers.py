"""The filter chain of `chain.py` in other engines; run by it, each with its own Python.

    PYTHON benchmarks/chain_peers.py ENGINE FOLDER MODEL

Reads FOLDER/flat.parquet (id, text, image), writes the kept rows, prints one JSON line. The rules:
20 to 3,000 characters, 10-gram repetition at most 0.35, few special characters, English by fastText
with at least 0.5, a picture of at least 64 x 64 with sides of at most 1 : 5.
"""

from __future__ import annotations

import glob
import io
import json
import os
import shutil
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

SPECIAL = r"[#$%&()*+\-/:;<=>@\[\]\\^_`{|}~]"
WORKERS = 2


@cache
def model() -> Any:
    import fasttext

    return fasttext.load_model(sys.argv[3])


def is_english(text: str) -> bool:
    names, scores = model().predict(text.replace("\n", " ").lower())
    return names[0] == "__label__en" and scores[0] >= 0.5


def repetition(text: str, n: int = 10) -> float:
    counts = Counter(text[k : k + n] for k in range(len(text) - n + 1))
    ranked = sorted(counts.values(), reverse=True)
    repeated = len(ranked) - ranked.count(1)
    return sum(ranked[: min(int(len(ranked) ** 0.5), repeated)]) / max(sum(ranked), 1)


def fits(data: bytes) -> bool:
    from PIL import Image

    try:
        width, height = Image.open(io.BytesIO(data)).size
    except OSError:
        return False
    return min(width, height) >= 64 and max(width, height) <= 5 * min(width, height)


def polars(source: str, out: str) -> None:
    import polars as pl

    def checked(test: Any) -> Any:
        return lambda column: pl.Series([test(value) for value in column], dtype=pl.Boolean)

    length = pl.col("text").str.len_chars()
    special = pl.col("text").str.count_matches(SPECIAL)
    query = pl.scan_parquet(source).filter(length.is_between(20, 3000) & (special <= length * 0.25))
    for name, test in (
        ("text", lambda text: repetition(text) <= 0.35),
        ("text", is_english),
        ("image", fits),
    ):
        query = query.filter(pl.col(name).map_batches(checked(test), return_dtype=pl.Boolean))
    query.sink_parquet(out, compression="uncompressed")


def _good(batch: Any) -> list[bool]:
    return [
        20 <= len(text) <= 3000
        and repetition(text) <= 0.35
        and sum(c in "#$%&()*+-/:;<=>@[]\\^_`{|}~" for c in text) <= 0.25 * len(text)
        and is_english(text)
        and fits(image)
        for text, image in zip(batch["text"], batch["image"], strict=True)
    ]


def datasets(source: str, out: str) -> None:
    import datasets as engine

    engine.disable_caching()
    engine.disable_progress_bars()
    with_cache = str(Path(out).with_suffix(".cache"))
    rows = engine.Dataset.from_parquet(source, cache_dir=with_cache)
    rows = rows.filter(_good, batched=True, batch_size=1000, num_proc=WORKERS)
    rows.to_parquet(out)
    shutil.rmtree(with_cache, ignore_errors=True)


def daft(source: str, out: str) -> None:
    import daft as engine
    from daft import DataType, col
    from daft.functions import length, regexp_count

    @engine.func.batch(return_dtype=DataType.bool())
    def english(texts: Any) -> Any:
        return [is_english(text) for text in texts.to_pylist()]

    @engine.func.batch(return_dtype=DataType.bool())
    def varied(texts: Any) -> Any:
        return [repetition(text) <= 0.35 for text in texts.to_pylist()]

    @engine.func.batch(return_dtype=DataType.bool())
    def right_size(images: Any) -> Any:
        return [fits(data) for data in images.to_pylist()]

    chars = length(col("text"))
    rows = engine.read_parquet(source).where((chars >= 20) & (chars <= 3000))
    rows = rows.where(regexp_count(col("text"), SPECIAL) <= chars * 0.25)
    # masks as columns: of three chained filters with Python functions daft 0.7 loses one
    rows = rows.with_column("a", varied(col("text"))).with_column("b", english(col("text")))
    rows = rows.with_column("c", right_size(col("image"))).where(col("a") & col("b") & col("c"))
    rows.exclude("a", "b", "c").write_parquet(out)


def data_juicer(source: str, out: str) -> None:
    """Its own operators; pictures that do not decode are made small, as one drops a whole batch."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops import load_ops
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    common = {"num_proc": WORKERS, "skip_op_error": True, "image_bytes_key": "image_bytes"}
    asked: list[dict[str, dict[str, Any]]] = [
        {"text_length_filter": {"min_len": 20, "max_len": 3000}},
        {"character_repetition_filter": {"rep_len": 10, "max_ratio": 0.35}},
        {"special_characters_filter": {"max_ratio": 0.4}},
        {"language_id_score_filter": {"lang": "en", "min_score": 0.5}},
        {"image_shape_filter": {"min_width": 64, "min_height": 64}},
        {"image_aspect_ratio_filter": {"min_ratio": 0.2, "max_ratio": 5}},
    ]
    operators = load_ops([{k: {**v, **common} for k, v in one.items()} for one in asked])
    own = str(Path(source).with_name("juicer.parquet"))
    with_cache = str(Path(out).with_suffix(".cache"))
    rows = NestedDataset(Dataset.from_parquet(own, cache_dir=with_cache))
    for operator in operators:
        rows = rows.process([operator])
    rows.to_parquet(out)
    shutil.rmtree(with_cache, ignore_errors=True)


ENGINES = {"polars": polars, "datasets": datasets, "daft": daft, "data-juicer": data_juicer}


def main() -> None:
    name, folder = sys.argv[1], sys.argv[2]
    out = os.path.join(folder, f"kept-{name}.parquet")
    shutil.rmtree(out, ignore_errors=True)
    Path(out).unlink(missing_ok=True)
    model()
    began = time.perf_counter()
    ENGINES[name](os.path.join(folder, "flat.parquet"), out)
    seconds = time.perf_counter() - began
    cpu_s = sum(os.times()[:4])
    import pyarrow.parquet as pq

    written = glob.glob(f"{out}/*.parquet") if os.path.isdir(out) else [out]
    kept = sorted(i for file in written for i in pq.read_table(file, columns=["id"])[0].to_pylist())
    Path(folder, f"kept-{name}.json").write_text(json.dumps(kept))
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "kept": len(kept)}))


if __name__ == "__main__":
    main()
