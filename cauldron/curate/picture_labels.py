"""Near pictures to near samples: those with the same labels in the same order are duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.exact import PAIRS
from cauldron.curate.layout import (
    KEYED,
    PICTURE_BITS,
    Group,
    Layout,
    Result,
    Stages,
    column,
    row_of,
    tell,
)
from cauldron.curate.picture_search import PLACES, labels_of, near_picture_pairs, said_key
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gathered, scatter

_LABELS = pa.schema([("picture", pa.int64()), ("label", pa.int64())])
_LOOKED = pa.schema([*KEYED, ("image_phash256", pa.list_(pa.binary()))])
_ROW_BYTES = 256
_MIX = np.uint64(0x9E3779B97F4A7C15)

I64 = npt.NDArray[np.int64]


def near_image_pairs(
    groups: list[Group],
    exact_only: Sequence[str],
    radii: tuple[int, int],
    rank: Sequence[pl.Expr],
    across: bool,
    run: Stages,
) -> list[str]:
    """Pair samples of the same questions, or text, whose pictures are near one by one.

    Returns:
        URLs of the pairs, and how many of 256 bits their pictures differ in at most.
    """
    layout = groups[0].layout
    found, jobs = near_picture_pairs(groups, exact_only, *radii, run)
    pictures, label = labels_of(found)
    told = {"picture": pictures, "label": label}
    tell(layout, "picture-labels", told, _LABELS, layout.group_of(pictures >> PICTURE_BITS))
    run("picture-labelled", _labelled, [(group, jobs) for group in groups])
    run("picture-keys", _keyed, [(group, across) for group in groups])
    n = layout.partitions(_ROW_BYTES)
    run("picture-pairs", _paired, [(layout, rank, number) for number in range(n)])
    return layout.urls("picture-pairs", n)


def _labelled(group: Group, jobs: int) -> Result:
    """Give the label of a picture to all that equal it."""
    layout = group.layout
    urls = [layout.url("picture-labels", 0)]
    told = gathered(urls, group.number, layout.groups, _LABELS)
    near, label = column(told, "picture"), column(told, "label")
    places = gathered(layout.urls("picture-places", jobs), group.number, layout.groups, PLACES)
    first, picture = column(places, "first"), column(places, "picture")
    if len(near):
        at = np.minimum(np.searchsorted(near, first), len(near) - 1)
        first = np.where(near[at] == first, label[at], first)
    table = pa.table({"picture": picture, "label": first})
    to = layout.group_of(picture >> PICTURE_BITS)
    url = layout.url("picture-labelled", group.number)
    return {"rows": scatter(url, _LABELS, [(table, to)], layout.groups)}


def _keyed(group: Group, across: bool) -> Result:
    """Write for each sample the labels of its pictures and what is said."""
    layout, n = group.layout, group.layout.partitions(_ROW_BYTES)
    urls = layout.urls("picture-labelled", layout.groups)
    told = gathered(urls, group.number, layout.groups, _LABELS)
    frame = pl.DataFrame(pl.from_arrow(told)).sort("picture")
    frame = frame.with_columns((pl.col("picture") // (1 << PICTURE_BITS)).alias("node"))
    frame = frame.group_by("node", maintain_order=True).agg("label")
    nodes = frame["node"].to_numpy()
    columns = ["id", "chars", "text_hash", "question_hashes", "image_phash256"]
    within = [] if across else [pl.col("source")]

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for part, low, high in group.named(nodes):
            table = read_table(part.signals, columns).take(pa.array(row_of(nodes[low:high])))
            own = (
                pl.DataFrame(pl.from_arrow(table))
                .hstack(frame[low:high])
                .with_columns(
                    pl.lit(part.source).alias("source"),
                    pl.lit(layout.sources.index(part.source), pl.Int32).alias("source_order"),
                )
            )
            labels = pl.col("label").list.eval(pl.element().cast(pl.String)).list.join(",")
            own = own.with_columns(
                pl.concat_str(labels, said_key(), *within, separator="|").alias("key")
            )
            lead = own["label"].list.first().to_numpy().astype(np.uint64) * _MIX >> np.uint64(40)
            yield own.select(_LOOKED.names).to_arrow(), (lead % np.uint64(n)).astype(np.int64)

    return {"rows": scatter(layout.url("picture-keys", group.number), _LOOKED, chunks(), n)}


def _paired(layout: Layout, rank: Sequence[pl.Expr], number: int) -> Result:
    """Pair samples with the first of the same key."""
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls("picture-keys", layout.groups), number, n, _LOOKED)
    frame = pl.DataFrame(pl.from_arrow(table)).sort("key", *rank).with_row_index("place")
    frame = frame.with_columns(pl.col("place").first().over("key").alias("first"))
    again = frame.filter(pl.col("place") != pl.col("first"))
    first = frame[again["first"]]
    value = _apart(first["image_phash256"], again["image_phash256"])
    pairs = {"a": first["node"].to_numpy(), "b": again["node"].to_numpy(), "value": value}
    url = layout.url("picture-pairs", number)
    return {"pairs": scatter(url, PAIRS, [(pa.table(pairs), None)], 1)}


def _apart(one: pl.Series, two: pl.Series) -> npt.NDArray[np.float64]:
    """Return the most bits of 256 in which pictures of pairs of samples differ."""
    out = np.zeros(len(one))
    for number, sides in enumerate(zip(one, two, strict=True)):
        left, right = (np.frombuffer(b"".join(s), np.uint64).reshape(-1, 4) for s in sides)
        out[number] = np.bitwise_count(left ^ right).sum(axis=1).max()
    return out
