"""Samples that ask other questions about the same pictures become one sample of many turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.edits import SIZES, Edit, Place, Sizes
from cauldron.curate.parts import Loaded, by_part
from cauldron.curate.turns_merged import exchanges, joined
from cauldron.storage.shards import read_table

I64 = npt.NDArray[np.int64]


def merge_groups(frame: pl.DataFrame, across: bool) -> I64:
    """Return for each row of a frame the first row with the same pictures, itself for most.

    Chats alone are merged, and only those whose pictures can all be read.
    """
    keyed = frame.select(
        pl.col("image_hash").list.join(",").alias("pictures"),
        ((pl.col("roles") == "chat") & (pl.col("image_hash").list.len() > 0)).alias("asks"),
        pl.col("image_hash").list.contains("").alias("unreadable"),
        (pl.lit("") if across else pl.col("source")).alias("within"),
    ).with_row_index("place")
    chosen = keyed.filter(pl.col("asks") & ~pl.col("unreadable"))
    first = pl.col("place").min().over("pictures", "within").alias("first")
    out = np.arange(frame.height)
    out[chosen["place"].to_numpy()] = chosen.select(first)["first"].to_numpy()
    return out


def merged(
    loaded: Loaded, frame: pl.DataFrame, first: I64
) -> tuple[I64, dict[int, dict[int, tuple[Edit, Sizes]]]]:
    """Merge the turns of groups.

    Args:
        first: as `merge_groups` returns it.

    Returns:
        [rows] the row that each row was merged into, itself where it was not; and the edits of
        the samples that others were merged into, by part and row, with the sizes that result.
    """
    sizes = np.bincount(first, minlength=frame.height)
    rows = np.flatnonzero(sizes[first] > 1)
    told = dict(zip(rows.tolist(), _told(loaded, frame[rows]), strict=True))
    into = np.arange(frame.height)
    changes: dict[int, dict[int, tuple[Edit, Sizes]]] = {}
    for head in np.unique(first[rows]).tolist():
        group = [k for k in rows[first[rows] == head].tolist() if _simple(told[k]["messages"])]
        if len(group) < 2 or group[0] != head:
            continue
        into[group] = head
        place = frame.row(head, named=True)
        edit = Edit(merged=tuple(_place(loaded, frame.row(k, named=True)) for k in group[1:]))
        sizes_then = _sizes([told[k] for k in group])
        changes.setdefault(place["part"], {})[place["row"]] = edit, sizes_then
    return into, changes


def _place(loaded: Loaded, row: dict[str, Any]) -> Place:
    part = loaded.parts[row["part"]]
    return Place(source=part.source, part=part.name, row=row["row"], id=row["id"])


def _sizes(samples: list[dict[str, Any]]) -> Sizes:
    """Return the sizes of samples merged into one; those of turns told twice are counted twice."""
    sizes = {name: sum(sample[name] or 0 for sample in samples) for name in SIZES}
    turns = len(list(exchanges(joined(samples)["messages"])))
    return {**sizes, "n_turns": turns}


def _told(loaded: Loaded, frame: pl.DataFrame) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [{}] * frame.height
    for part, rows, places in by_part(frame):
        files = loaded.parts[part]
        words = read_table(files.samples, ["id", "messages", "extra"]).take(pa.array(rows))
        sizes = read_table(files.signals, list(SIZES)).take(pa.array(rows))
        pairs = zip(words.to_pylist(), sizes.to_pylist(), strict=True)
        for place, (sample, size) in zip(places, pairs, strict=True):
            out[place] = sample | size
    return out


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
