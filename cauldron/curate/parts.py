"""The parts of a work folder as one frame of samples, and decisions back to their parts."""

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
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage.scratch import scratch_array
from cauldron.storage.shards import read_table

_WRITERS = 4  # decisions are small: most of the time goes into flushing them to disk


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFiles:
    """The files of one part: samples, signals, decisions of earlier steps, decisions to write."""

    source: str
    name: str
    samples: str
    signals: str
    earlier: tuple[str, ...]
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Signals of all samples that are still kept.

    Args:
        frame: the columns asked for, and `part`, `row`, `source`, `source_order`, `number`.
        ids: the ids of every part.
        alive: which rows of every part earlier steps have kept.
    """

    parts: tuple[PartFiles, ...]
    frame: pl.DataFrame
    ids: tuple[pa.ChunkedArray, ...]
    alive: tuple[npt.NDArray[np.bool_], ...]


def load_parts(
    parts: Sequence[PartFiles], columns: Sequence[str], sort_by: Sequence[pl.Expr] = ()
) -> Loaded:
    """Read signals of rows still kept; rows are numbered in the order of `sort_by`.

    The default order is that of sources, then ids, so that numbers depend neither on how samples
    lie in parts nor on workers.
    """
    order = {source: n for n, source in enumerate(dict.fromkeys(p.source for p in parts))}
    wanted = list(dict.fromkeys(["id", *columns]))
    frames, ids, alive = [_empty(wanted)], [], []
    for number, part in enumerate(parts):
        table = read_table(part.signals, wanted)
        mask = kept(part.earlier, table.num_rows)
        ids.append(table["id"])
        alive.append(mask)
        frames.append(_placed(table, mask, number, order[part.source], part.source))
    ranked = list(sort_by) or [pl.col("source_order"), pl.col("id")]
    frame = pl.concat(frames, rechunk=False).sort(ranked).with_row_index("number")
    return Loaded(parts=tuple(parts), frame=frame, ids=tuple(ids), alive=tuple(alive))


def _empty(columns: list[str]) -> pl.DataFrame:
    table = pa.schema([SIGNALS_SCHEMA.field(name) for name in columns]).empty_table()
    return _placed(table, np.zeros(0, bool), 0, 0, "")


def _placed(
    table: pa.Table, mask: npt.NDArray[np.bool_], part: int, order: int, source: str
) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(table)).with_columns(
        pl.Series("row", np.arange(table.num_rows, dtype=np.int64)),
        pl.lit(part, pl.Int32).alias("part"),
        pl.lit(order, pl.Int32).alias("source_order"),
        pl.lit(source).alias("source"),
    )
    return frame.filter(pl.Series(mask))


def by_part(frame: pl.DataFrame) -> Iterator[tuple[int, npt.NDArray[np.int64], pl.Series]]:
    """Yield each part that rows of a frame lie in: its number, rows, and places in the frame."""
    placed = frame.select("part", "row").with_row_index("place")
    for group in placed.partition_by("part", maintain_order=True):
        yield int(group["part"][0]), group["row"].to_numpy(), group["place"]


def binary_column(
    parts: Sequence[PartFiles], frame: pl.DataFrame, name: str, width: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Return a signal of fixed width for the rows of a frame: [n, width] uint8, [n] is there."""
    out: npt.NDArray[np.uint8] = scratch_array((frame.height, width), np.uint8)
    there = np.zeros(frame.height, bool)
    for part, rows, places in by_part(frame):
        values = read_table(parts[part].signals, [name])[name].take(pa.array(rows)).to_pylist()
        fits = np.array([value is not None and len(value) == width for value in values], bool)
        where = places.to_numpy()[fits]
        held = b"".join(value for value, fit in zip(values, fits, strict=True) if fit)
        out[where] = np.frombuffer(held, np.uint8).reshape(-1, width)
        there[where] = True
    return out, there


def write_drops(loaded: Loaded, drops: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Write the decisions of every part; return counts by source.

    Args:
        drops: `number`, `reason`, `value`, `detail` of each row of the frame that is dropped.
    """
    placed = drops.join(loaded.frame.select("number", "part", "row"), on="number")
    groups = {int(g["part"][0]): g for g in placed.partition_by("part")}

    def write(number: int) -> dict[str, Any]:
        part = loaded.parts[number]
        dropped = groups.get(number, placed.clear())
        return write_decisions(part.out, loaded.ids[number], dropped, loaded.alive[number])

    counts: dict[str, dict[str, Any]] = {}
    with ThreadPoolExecutor(_WRITERS) as pool:
        for part, told in zip(loaded.parts, pool.map(write, range(len(loaded.parts))), strict=True):
            entry = counts.setdefault(part.source, {"kept": 0, "dropped": {}})
            entry["kept"] += told["kept"]
            for reason, n in told["dropped"].items():
                entry["dropped"][reason] = entry["dropped"].get(reason, 0) + n
    return counts


def no_drops() -> pl.DataFrame:
    """Return an empty frame of drops."""
    kinds = {"number": pl.UInt32, "reason": pl.String, "value": pl.Float64, "detail": pl.String}
    return pl.DataFrame(schema=kinds)
