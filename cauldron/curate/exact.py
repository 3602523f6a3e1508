"""Samples that are equal in text, pictures or both: keys meet in partitions."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from cauldron.curate.layout import Group, Layout, Result, Stages, by_hash
from cauldron.storage.shuffle import gathered, scatter

PAIRS = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("value", pa.float64())])
"""Pairs of nodes, and how alike or how far apart they are."""
_KEYS = pa.schema([("key", pa.string()), ("node", pa.int64())])
_COLUMNS = ("text_hash", "image_hash", "chars")
_ROW_BYTES = 160


def exact_pairs(groups: list[Group], by: str, across: bool, run: Stages) -> list[str]:
    """Pair each sample with the first of the same text, pictures or both.

    Returns:
        URLs of the pairs.
    """
    layout = groups[0].layout
    keys, pairs = f"exact-{by}-keys", f"exact-{by}"
    run(keys, _keys, [(group, by, across, keys) for group in groups])
    jobs = [(layout, keys, number, pairs) for number in range(layout.partitions(_ROW_BYTES))]
    run(pairs, equal_pairs, jobs)
    return layout.urls(pairs, len(jobs))


def _keys(group: Group, by: str, across: bool, stage: str) -> Result:
    layout = group.layout
    n = layout.partitions(_ROW_BYTES)

    def chunks() -> Any:
        for frame in group.rows(_COLUMNS):
            keyed = keys_of(frame, by, across)
            yield keyed.select("key", "node").to_arrow(), by_hash(keyed["hash"], n)

    return {"rows": scatter(layout.url(stage, group.number), _KEYS, chunks(), n)}


def keys_of(frame: pl.DataFrame, by: str, across: bool) -> pl.DataFrame:
    """Return `node`, `key` and the `hash` that a key begins with.

    Samples with an unreadable picture have no duplicates, nor have those without any picture or
    text where that alone is compared.
    """
    pictures, text = pl.col("image_hash").list.join(","), pl.col("text_hash")
    told = {"sample": [pictures, text], "text": [text], "pictures": [pictures]}[by]
    within = [] if across else [pl.col("source")]
    some = {"sample": pl.lit(True), "text": pl.col("chars") > 0, "pictures": pictures != ""}[by]
    return frame.filter(some & ~pl.col("image_hash").list.contains("")).select(
        "node",
        pl.concat_str(*told, *within, separator="|").alias("key"),
        (text if by == "text" else pl.when(pictures == "").then(text).otherwise(pictures)).alias(
            "hash"
        ),
    )


def equal_pairs(layout: Layout, keys: str, number: int, stage: str) -> Result:
    """Pair the nodes of each key with the first of them."""
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls(keys, layout.groups), number, n, _KEYS)
    keyed = pl.DataFrame(pl.from_arrow(table))
    firsts = keyed.with_columns(pl.col("node").min().over("key").alias("a"))
    pairs = firsts.filter(pl.col("a") != pl.col("node")).select(
        "a", pl.col("node").alias("b"), pl.lit(None, pl.Float64).alias("value")
    )
    url = layout.url(stage, number)
    return {"pairs": scatter(url, PAIRS, [(pairs.sort("a", "b").to_arrow(), None)], 1)}
