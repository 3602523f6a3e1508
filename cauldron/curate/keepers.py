"""Pairs to clusters, and who of each cluster stays.

Pairs are two numbers each, so the driver joins them; what members are ranked by, their ids above
all, is read where they lie and meets in partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.exact import PAIRS
from cauldron.curate.groups import smallest_members
from cauldron.curate.layout import (
    RANKED,
    ROW_BITS,
    Group,
    Layout,
    Result,
    Stages,
    column,
    row_of,
    tell,
)
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gather, gathered, scatter

_CLUSTERS = pa.schema([("node", pa.int64()), ("cluster", pa.int64())])
_RANKED = pa.schema([*RANKED, ("cluster", pa.int64())])
_KEPT = pa.schema([("node", pa.int64()), ("keeper", pa.int64())])
_ROW_BYTES = 128

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """What a search has found.

    Args:
        gone: [n] nodes that do not stay, ascending; keeper: [n] who stays for each.
        value: [n] how alike or far apart the nearest of its pairs are.
        sizes: [clusters] members of each.
    """

    gone: I64
    keeper: I64
    value: F64
    sizes: I64


def clusters(
    groups: list[Group],
    name: str,
    urls: Sequence[str],
    rank: Sequence[pl.Expr],
    across: bool,
    run: Stages,
) -> Clusters:
    """Join the pairs of a search and let the first of each cluster stay.

    Args:
        urls: files of pairs.
        rank: what samples are ordered by.
        across: pairs of two sources count too.
    """
    a, b, value = _allowed(groups, *_read(urls), across)
    nodes, local = np.unique(np.concatenate([a, b]), return_inverse=True)
    label = smallest_members(local.reshape(2, -1).T, len(nodes))
    told = np.full(len(nodes), np.nan)
    np.fmax.at(told, local, np.tile(value, 2))
    gone, keeper = _kept(groups, name, nodes, nodes[label], rank, run)
    return Clusters(
        gone=gone,
        keeper=keeper,
        value=told[np.searchsorted(nodes, gone)],
        sizes=np.unique(label, return_counts=True)[1],
    )


def _read(urls: Sequence[str]) -> tuple[I64, I64, F64]:
    batches = list(gather(urls, 0, 1))
    parts = [[np.asarray(column(batch, name)) for batch in batches] for name in PAIRS.names]
    empty = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    joined = [np.concatenate([e, *p]) for e, p in zip(empty, parts, strict=True)]
    return joined[0], joined[1], joined[2]


def _allowed(groups: list[Group], a: I64, b: I64, value: F64, across: bool) -> tuple[I64, I64, F64]:
    """Leave out pairs of two sources where duplicates are sought within each only."""
    if across:
        return a, b, value
    order = groups[0].layout.sources
    sources = np.array([order.index(part.source) for group in groups for part in group.parts])
    same = sources[a >> ROW_BITS] == sources[b >> ROW_BITS]
    return a[same], b[same], value[same]


def _kept(
    groups: list[Group], name: str, nodes: I64, cluster: I64, rank: Sequence[pl.Expr], run: Stages
) -> tuple[I64, I64]:
    """Return the nodes that do not stay, ascending, and the first of their clusters."""
    layout = groups[0].layout
    if not len(nodes):
        return nodes, nodes
    told, ranked, kept = f"{name}-clusters", f"{name}-members", f"{name}-keepers"
    tell(layout, told, {"node": nodes, "cluster": cluster}, _CLUSTERS, layout.group_of(nodes))
    run(ranked, _members, [(group, told, ranked) for group in groups])
    n = layout.partitions(_ROW_BYTES)
    run(kept, _keepers, [(layout, ranked, number, rank, kept) for number in range(n)])
    batches = list(gather(layout.urls(kept, n), 0, 1))
    gone, keeper = (
        np.concatenate([np.zeros(0, np.int64), *(column(batch, name) for batch in batches)])
        for name in _KEPT.names
    )
    order = np.argsort(gone)
    return gone[order], keeper[order]


def _members(group: Group, told: str, stage: str) -> Result:
    """Put beside the members of clusters what they are ranked by."""
    layout, n = group.layout, group.layout.partitions(_ROW_BYTES)
    own = gathered([layout.url(told, 0)], group.number, layout.groups, _CLUSTERS)
    nodes, cluster = column(own, "node"), column(own, "cluster")

    def chunks() -> Any:
        for part, low, high in group.named(nodes):
            table = read_table(part.signals, ["id", "chars"])
            table = table.take(pa.array(row_of(nodes[low:high])))
            table = table.append_column("node", pa.array(nodes[low:high]))
            table = table.append_column("cluster", pa.array(cluster[low:high]))
            order = layout.sources.index(part.source)
            table = table.append_column("source", pa.array([part.source] * (high - low)))
            table = table.append_column("source_order", pa.array([order] * (high - low)))
            yield table.select(_RANKED.names), cluster[low:high] % n

    return {"rows": scatter(layout.url(stage, group.number), _RANKED, chunks(), n)}


def _keepers(
    layout: Layout, ranked: str, number: int, rank: Sequence[pl.Expr], stage: str
) -> Result:
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls(ranked, layout.groups), number, n, _RANKED)
    frame = pl.DataFrame(pl.from_arrow(table)).sort("cluster", *rank)
    frame = frame.with_columns(pl.col("node").first().over("cluster").alias("keeper"))
    left = frame.filter(pl.col("node") != pl.col("keeper")).select("node", "keeper")
    return {"rows": scatter(layout.url(stage, number), _KEPT, [(left.to_arrow(), None)], 1)}
