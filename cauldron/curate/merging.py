"""Samples that ask other questions about the same pictures become one sample of many turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from cauldron.curate.edits import CHANGES, SIZES, Edit, Place, Sizes, packed
from cauldron.curate.layout import KEYED, Group, Layout, Result, Stages, by_hash, column, row_of
from cauldron.curate.turns_merged import exchanges, joined
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gathered, scatter, scattering

MERGED = pa.schema([("node", pa.int64()), ("head", pa.int64())])
_GROUPED = pa.schema([*MERGED, ("place", pa.int64())])
_TOLD = pa.schema([*_GROUPED, ("sample", pa.large_binary())])
_ROW_BYTES, _TOLD_BYTES = 160, 2_048

I64 = npt.NDArray[np.int64]


def merged_samples(
    groups: list[Group], rank: Sequence[pl.Expr], across: bool, run: Stages
) -> list[str]:
    """Merge chats whose pictures are the same and can all be read.

    Returns:
        URLs of who was merged into whom; the stage `merge-changes`, of as many jobs, tells the
        samples that change by that.
    """
    layout = groups[0].layout
    run("merge-keys", _keys, [(group, across) for group in groups])
    n = layout.partitions(_ROW_BYTES)
    run("merge-groups", _groups, [(layout, rank, number) for number in range(n)])
    run("merge-told", _told, [(group, n) for group in groups])
    n = layout.partitions(_TOLD_BYTES)
    run("merge", _merged, [(layout, number) for number in range(n)])
    return layout.urls("merge", n)


def _keys(group: Group, across: bool) -> Result:
    layout, n = group.layout, group.layout.partitions(_ROW_BYTES)
    pictures = pl.col("image_hash")
    within = [] if across else [pl.col("source")]

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for frame in group.rows(["roles", "image_hash", "id", "chars"]):
            own = frame.filter(
                (pl.col("roles") == "chat")
                & (pictures.list.len() > 0)
                & ~pictures.list.contains("")
            ).with_columns(
                pl.concat_str(pictures.list.join(","), *within, separator="|").alias("key")
            )
            yield own.select(KEYED.names).to_arrow(), by_hash(own["key"], n)

    return {"rows": scatter(layout.url("merge-keys", group.number), KEYED, chunks(), n)}


def _groups(layout: Layout, rank: Sequence[pl.Expr], number: int) -> Result:
    """Tell the members of groups of more than one: the first of them, and their place."""
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls("merge-keys", layout.groups), number, n, KEYED)
    frame = pl.DataFrame(pl.from_arrow(table)).sort("key", *rank)
    frame = frame.filter(pl.len().over("key") > 1).with_columns(
        pl.col("node").first().over("key").alias("head"),
        pl.int_range(pl.len()).over("key").alias("place"),
    )
    to = layout.group_of(frame["node"].to_numpy())
    chunk = frame.select(_GROUPED.names).to_arrow(), to
    return {"rows": scatter(layout.url("merge-groups", number), _GROUPED, [chunk], layout.groups)}


def _told(group: Group, jobs: int) -> Result:
    """Send what members say to where their group meets."""
    layout, n = group.layout, group.layout.partitions(_TOLD_BYTES)
    told = gathered(layout.urls("merge-groups", jobs), group.number, layout.groups, _GROUPED)
    told = told.sort_by("node")
    nodes, heads = column(told, "node"), column(told, "head")

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for part, low, high in group.named(nodes):
            rows = pa.array(row_of(nodes[low:high]))
            words = read_table(part.samples, ["id", "messages", "extra"]).take(rows)
            sizes = read_table(part.signals, list(SIZES)).take(rows)
            told_of = zip(words.to_pylist(), sizes.to_pylist(), rows.to_pylist(), strict=True)
            samples = [
                {**said, **size, "place": [part.source, part.name, row, said["id"]]}
                for said, size, row in told_of
            ]
            held = pa.array([orjson.dumps(sample) for sample in samples], pa.large_binary())
            own = told.slice(low, high - low).append_column("sample", held)
            yield own, heads[low:high] % n

    return {"rows": scatter(layout.url("merge-told", group.number), _TOLD, chunks(), n)}


def _merged(layout: Layout, number: int) -> Result:
    n = layout.partitions(_TOLD_BYTES)
    told = gathered(layout.urls("merge-told", layout.groups), number, n, _TOLD)
    frame = pl.DataFrame(pl.from_arrow(told)).sort("head", "place")
    merged: list[tuple[int, int]] = []
    changes: list[tuple[int, bytes]] = []
    for (head,), members in frame.group_by("head", maintain_order=True):
        samples = {n: orjson.loads(s) for n, s in members.select("node", "sample").iter_rows()}
        group = [node for node, sample in samples.items() if _simple(sample["messages"])]
        if len(group) > 1 and group[0] == head:
            merged += [(node, int(head)) for node in group[1:]]
            edit = Edit(merged=tuple(Place(*samples[node]["place"]) for node in group[1:]))
            sizes = _sizes([samples[node] for node in group])
            changes.append((int(head), packed(edit, sizes)))
    nodes = np.array(merged, np.int64).reshape(-1, 2)
    with scattering(layout.url("merge", number), MERGED, 1) as add:
        add(pa.table({"node": nodes[:, 0], "head": nodes[:, 1]}), None)
    heads = np.array([head for head, _ in changes], np.int64)
    table = pa.table({"node": heads, "change": pa.array([c for _, c in changes], pa.binary())})
    with scattering(layout.url("merge-changes", number), CHANGES, layout.groups) as add:
        add(table, layout.group_of(heads))
    return {"merged": len(merged)}


def _sizes(samples: list[dict[str, Any]]) -> Sizes:
    """Return the sizes of samples merged into one; those of turns told twice are counted twice."""
    sizes = {name: sum(sample[name] or 0 for sample in samples) for name in SIZES}
    turns = len(list(exchanges(joined(samples)["messages"])))
    return {**sizes, "n_turns": turns}


def _simple(messages: list[dict[str, Any]]) -> bool:
    """Say whether all pictures stand in front of the first question, and no one else speaks."""
    kinds = [part["type"] for part in messages[0]["content"]] if messages else []
    pictures = kinds.count("image")
    later = [part["type"] for message in messages[1:] for part in message["content"]]
    roles = {message["role"] for message in messages}
    return (
        kinds[:pictures] == ["image"] * pictures
        and "image" not in later
        and roles <= {"user", "assistant"}
    )
