"""Decisions: one row a sample and step, in the order of the samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    ]
)
DROPPED_EARLIER = "dropped_earlier"


def kept(urls: Sequence[str], rows: int) -> npt.NDArray[np.bool_]:
    """Return which rows of a part no step has dropped."""
    keep = np.ones(rows, dtype=bool)
    for url in urls:
        keep &= read_table(url, ["keep"])["keep"].to_numpy()
    return keep


def survivors(urls: Sequence[str], rows: int) -> pa.BooleanArray:
    """Return `kept` as an Arrow array."""
    return pa.array(kept(urls, rows))


def write_decisions(
    url: str,
    ids: Iterable[str],
    dropped: dict[int, tuple[str, float | None, str]],
    alive: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    """Write decisions of one part.

    Args:
        ids: the ids of the part in order.
        dropped: row to reason, value and detail.
        alive: rows that earlier steps have kept.

    Returns:
        kept (of those alive) and dropped by reason.
    """
    names = list(ids)
    reasons: dict[str, int] = {}
    rows = []
    for number, name in enumerate(names):
        reason, value, detail = dropped.get(number, ("", None, ""))
        if not alive[number]:
            reason, value, detail = "", None, DROPPED_EARLIER
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        rows.append(
            {"id": name, "keep": not reason, "reason": reason, "value": value, "detail": detail}
        )
    write_table(url, pa.Table.from_pylist(rows, schema=DECISIONS_SCHEMA))
    return {
        "kept": int(alive.sum()) - sum(reasons.values()),
        "dropped": dict(sorted(reasons.items())),
    }


def as_decisions(frame: pl.DataFrame) -> pa.Table:
    """Return a polars frame of decisions as a table of the schema."""
    return frame.select(DECISIONS_SCHEMA.names).to_arrow().cast(DECISIONS_SCHEMA)
