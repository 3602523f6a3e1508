"""Verdicts of searches to decisions: each dropped sample names the one that stays for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.decisions import kept, write_decisions
from cauldron.curate.edits import CHANGES, Edit, Sizes, unpacked, write_changes
from cauldron.curate.layout import ROW_BITS, Group, Result, Stages, column, row_of, tell
from cauldron.curate.parts import PartFiles
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gathered, scatter

_WRITERS = 4  # decisions are small: most of the time goes into flushing them to disk
_VERDICTS = pa.schema(
    [
        ("node", pa.int64()),
        ("keeper", pa.int64()),
        ("reason", pa.int32()),
        ("value", pa.float64()),
    ]
)
_DROPS = pa.schema(
    [
        ("node", pa.int64()),
        ("reason", pa.int32()),
        ("value", pa.float64()),
        ("id", pa.string()),
    ]
)

Changes = tuple[str, int]
"""A stage that tells changed samples by the group they lie in, and its jobs."""

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Dropped samples.

    Args:
        gone: [n] nodes, ascending, each once.
        keeper: [n] who stays for each; itself where it goes for no other.
        reason: [n] number of the search.
        value: [n] how alike or far apart they are; NaN where that says nothing.
    """

    gone: I64
    keeper: I64
    reason: I64
    value: F64

    @staticmethod
    def none() -> Verdicts:
        """Return no verdicts."""
        empty = np.zeros(0, np.int64)
        return Verdicts(empty, empty, empty, np.zeros(0))

    def with_more(self, gone: I64, keeper: I64, reason: int, value: F64 | None = None) -> Verdicts:
        """Return these with those of a later search."""
        told = np.full(len(gone), np.nan) if value is None else value
        joined = np.concatenate([self.gone, gone])
        order = np.argsort(joined)
        return Verdicts(
            joined[order],
            np.concatenate([self.keeper, keeper])[order],
            np.concatenate([self.reason, np.full(len(gone), reason)])[order],
            np.concatenate([self.value, told])[order],
        )

    def last_keepers(self) -> I64:
        """Follow keepers that a later search dropped in turn, so that each names one that stays."""
        keeper = self.keeper
        while len(keeper):
            at = np.minimum(np.searchsorted(self.gone, keeper), len(self.gone) - 1)
            further = np.where(self.gone[at] == keeper, self.keeper[at], keeper)
            if (further == keeper).all():
                break
            keeper = further
        return keeper


def write_drops(
    groups: list[Group],
    verdicts: Verdicts,
    reasons: Sequence[str],
    changes: Sequence[Changes],
    run: Stages,
) -> dict[str, Any]:
    """Write the decisions of every part, and what changes in samples.

    Args:
        reasons: of each search by its number.
        changes: where changed samples are told; the last one counts.

    Returns:
        `sources`: kept and dropped by source; `rewritten`: changed samples.
    """
    layout, last = groups[0].layout, verdicts.last_keepers()
    told = {
        "node": verdicts.gone,
        "keeper": last,
        "reason": verdicts.reason,
        "value": verdicts.value,
    }
    tell(layout, "verdicts", told, _VERDICTS, layout.group_of(last))
    run("drops", _named, [(group,) for group in groups])
    results = run("decisions", _written, [(group, reasons, changes) for group in groups])
    counts: dict[str, dict[str, Any]] = {}
    for source, kept_rows, dropped in (part for result in results for part in result["parts"]):
        entry = counts.setdefault(source, {"kept": 0, "dropped": {}})
        entry["kept"] += kept_rows
        for reason, number in dropped.items():
            entry["dropped"][reason] = entry["dropped"].get(reason, 0) + number
    return {"sources": counts, "rewritten": sum(result["rewritten"] for result in results)}


def _named(group: Group) -> Result:
    """Put the id of the one that stays beside each verdict, and send it to the one that goes."""
    layout = group.layout
    told = gathered([layout.url("verdicts", 0)], group.number, layout.groups, _VERDICTS)
    told = told.sort_by([("keeper", "ascending"), ("node", "ascending")])
    keepers = column(told, "keeper")

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for part, low, high in group.named(keepers):
            ids = read_table(part.signals, ["id"])["id"].take(pa.array(row_of(keepers[low:high])))
            own = told.slice(low, high - low).append_column("id", ids).select(_DROPS.names)
            yield own, layout.group_of(column(own, "node"))

    return {"rows": scatter(layout.url("drops", group.number), _DROPS, chunks(), layout.groups)}


def _written(group: Group, reasons: Sequence[str], changes: Sequence[Changes]) -> Result:
    layout = group.layout
    told = gathered(layout.urls("drops", layout.groups), group.number, layout.groups, _DROPS)
    drops = pl.DataFrame(pl.from_arrow(told)).sort("node")
    nodes = drops["node"].to_numpy()
    changed = _changes(group, changes)

    def write(number: int) -> tuple[str, int, dict[str, int]]:
        part = group.parts[number]
        own = group.first + number
        low, high = np.searchsorted(nodes >> ROW_BITS, (own, own + 1))
        return _write_part(part, drops[int(low) : int(high)], reasons, changed.get(number, {}))

    with ThreadPoolExecutor(_WRITERS) as pool:
        parts = list(pool.map(write, range(len(group.parts))))
    return {"parts": parts, "rewritten": sum(map(len, changed.values()))}


def _changes(group: Group, changes: Sequence[Changes]) -> dict[int, dict[int, tuple[Edit, Sizes]]]:
    """Return the changed samples of a group by number of the part and row."""
    layout = group.layout
    out: dict[int, dict[int, tuple[Edit, Sizes]]] = {}
    for stage, jobs in changes:
        table = gathered(layout.urls(stage, jobs), group.number, layout.groups, CHANGES)
        nodes = column(table, "node")
        rows = zip(nodes.tolist(), row_of(nodes).tolist(), table["change"].to_pylist(), strict=True)
        for node, row, change in rows:
            out.setdefault((node >> ROW_BITS) - group.first, {})[row] = unpacked(change)
    return out


def _write_part(
    part: PartFiles,
    drops: pl.DataFrame,
    reasons: Sequence[str],
    changes: dict[int, tuple[Edit, Sizes]],
) -> tuple[str, int, dict[str, int]]:
    ids = read_table(part.signals, ["id"])["id"]
    named = pl.Series(list(reasons), dtype=pl.String)
    reason = named.gather(drops["reason"])
    how = pl.select(pl.when(reason == "merged").then(pl.lit("into:")).otherwise(pl.lit("of:")))
    told = pl.DataFrame(
        {
            "row": row_of(drops["node"].to_numpy()),
            "reason": reason,
            "value": drops["value"].fill_nan(None),
            "detail": how.to_series() + drops["id"],
        }
    )
    counts = write_decisions(part.out, ids, told, kept(part.earlier, len(ids)))
    write_changes(part.out, changes)
    return part.source, counts["kept"], counts["dropped"]
