"""Decisions: one row a sample and step, in the order of the samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.storage.shards import read_table, write_table

DECISIONS_SCHEMA: pa.Schema = pa.schema(
    [
        ("id", pa.string()),
        ("keep", pa.bool_()),
        ("reason", pa.string()),
        ("value", pa.float64()),
        ("detail", pa.string()),
        ("threshold", pa.float64()),
        ("images", pa.list_(pa.int32())),
    ]
)
"""`value` failed `threshold`; `images` are pictures left out of a document that is kept."""
DROPPED_EARLIER = "dropped_earlier"


def kept(urls: Sequence[str], rows: int) -> npt.NDArray[np.bool_]:
    """Return which rows of a part no step has dropped."""
    keep = np.ones(rows, dtype=bool)
    for url in urls:
        keep &= read_table(url, ["keep"])["keep"].to_numpy()
    return keep


def left_out(urls: Sequence[str], rows: int) -> list[list[int]]:
    """Return the pictures of each row of a part that a step has left out."""
    out: list[list[int]] = [[] for _ in range(rows)]
    for url in urls:
        column = read_table(url, ["images"])["images"]
        if column.null_count < rows:
            for row, images in enumerate(column.to_pylist()):
                out[row] = sorted({*out[row], *(images or ())})
    return out


def survivors(urls: Sequence[str], rows: int) -> pa.BooleanArray:
    """Return `kept` as an Arrow array."""
    return pa.array(kept(urls, rows))


def write_decisions(
    url: str, ids: pa.ChunkedArray, drops: pl.DataFrame, alive: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """Write decisions of one part.

    Args:
        ids: the ids of the part in order.
        drops: `row`, `reason`, `value` and `detail` of each row dropped; rows that earlier steps
            have dropped are not among them.
        alive: rows that earlier steps have kept.

    Returns:
        kept (of those alive) and dropped by reason.
    """
    rows = drops["row"].to_numpy()
    keep = np.ones(len(ids), dtype=bool)
    keep[rows] = False
    reason = np.full(len(ids), "", dtype=object)
    reason[rows] = drops["reason"].to_list()
    detail = np.where(alive, "", DROPPED_EARLIER).astype(object)
    detail[rows] = drops["detail"].to_list()
    value = np.full(len(ids), np.nan)
    value[rows] = drops["value"].fill_null(np.nan).to_numpy()
    made = [pa.array(column, from_pandas=True) for column in (keep, reason, value, detail)]
    made += [pa.nulls(len(ids), kind) for kind in DECISIONS_SCHEMA.types[5:]]
    table = pa.Table.from_arrays([ids, *made], names=DECISIONS_SCHEMA.names)
    write_table(url, table.cast(DECISIONS_SCHEMA))
    counts = drops.group_by("reason").len().sort("reason")
    return {
        "kept": int(alive.sum()) - len(rows),
        "dropped": dict(zip(counts["reason"], counts["len"], strict=True)),
    }


def as_decisions(frame: pl.DataFrame) -> pa.Table:
    """Return a polars frame of decisions as a table of the schema."""
    return frame.select(DECISIONS_SCHEMA.names).to_arrow().cast(DECISIONS_SCHEMA)
