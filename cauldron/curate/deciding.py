"""Rules to decisions: polars expressions over the signals of many samples at once."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pyarrow as pa

from cauldron.curate.decisions import as_decisions
from cauldron.curate.rules import IMAGES_LEFT, Bounds, Rule, Rules
from cauldron.errors import UsageError
from cauldron.signals.measure import ERRORS
from cauldron.storage.shards import open_parquet, read_table, write_table

UNMEASURED = "not_measured"
"""The reason of a sample whose signals could not be measured: no rule can judge it."""
_WRITERS = 4  # decisions are small: writing them is waiting for the disk
_LEFT_OUT = "\x00left_out"  # a column of the pictures that leave, made while deciding


def _passes(value: pl.Expr, bounds: Bounds) -> pl.Expr:
    """Return whether a value is within bounds; null for a value that is missing."""
    tests = [pl.lit(True)]
    if bounds.min is not None:
        tests.append(value >= bounds.min)
    if bounds.max is not None:
        tests.append(value <= bounds.max)
    if bounds.equals is not None:
        tests.append(value == bounds.equals)
    if bounds.one_of is not None:
        tests.append(value.is_in(list(bounds.one_of)))
    if bounds.none_of is not None:
        tests.append(~value.is_in(list(bounds.none_of)))
    return functools.reduce(operator.and_, tests)


def decide(signals: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """Return a decision for every row of signals.

    A value that is missing passes: what cannot be measured of a sample has a rule of its own.
    """
    frame = signals.with_columns(
        pl.lit(None, pl.List(pl.Int32)).alias(_LEFT_OUT),
        pl.col("n_images").cast(pl.Int32).alias(IMAGES_LEFT)
        if "n_images" in signals.columns
        else pl.lit(0, pl.Int32).alias(IMAGES_LEFT),
    )
    failed = []
    for number, rule in enumerate(rules):
        if rule.images == "each":
            frame = _leave_out(frame, rule)
        frame = frame.with_columns(_judged(rule, frame).alias(f"\x00{number}"))
        failed.append(f"\x00{number}")
    first = pl.coalesce(
        pl.when(pl.col(ERRORS) != "").then(pl.struct(**_unmeasured())),
        *(pl.col(name) for name in failed),
        pl.struct(**_kept()),
    )
    out = frame.select("id", first.alias("verdict"), pl.col(_LEFT_OUT).alias("images"))
    out = out.unnest("verdict").with_columns((pl.col("reason") == "").alias("keep"))
    left = pl.when(pl.col("keep")).then(pl.col("images"))
    return out.with_columns(left.alias("images"))


def _verdict(reason: str, value: pl.Expr, threshold: float | None, detail: Any) -> dict[str, Any]:
    return {
        "reason": pl.lit(reason),
        "value": value.cast(pl.Float64),
        "threshold": pl.lit(threshold, pl.Float64),
        "detail": detail,
    }


def _kept() -> dict[str, Any]:
    return _verdict("", pl.lit(None), None, pl.lit(""))


def _unmeasured() -> dict[str, Any]:
    return _verdict(UNMEASURED, pl.lit(None), None, pl.format("measure: {}", pl.col(ERRORS)))


def _judged(rule: Rule, frame: pl.DataFrame) -> pl.Expr:
    """Return the verdict of samples that fail a rule, null for those that pass."""
    kind = frame.schema[rule.signal]
    column = pl.col(rule.signal)
    if isinstance(kind, pl.List):
        bad = column.list.eval((~_passes(pl.element(), rule)).fill_null(False))
        place = bad.list.arg_max()
        failed = _fails_by_pictures(rule, column, bad)
        value, inner = column.list.get(place, null_on_oob=True), kind.inner
        told = pl.format("{} at images[{}]", _told(rule, value, inner), place)
    else:
        failed = (~_passes(column, rule)).fill_null(False)
        value, inner = column, kind
        told = _told(rule, value, inner)
    failed = failed & _applies(rule)
    shown = value if inner.is_numeric() or inner == pl.Boolean else pl.lit(None)
    number = pl.coalesce(shown.cast(pl.Float64), pl.lit(None, pl.Float64))
    threshold = _threshold(rule, number)
    verdict = {**_verdict(rule.name, number, None, told), "threshold": threshold}
    return pl.when(failed).then(pl.struct(**verdict))


def _fails_by_pictures(rule: Rule, column: pl.Expr, bad: pl.Expr) -> pl.Expr:
    if rule.images == "all":
        return bad.list.any()
    whole = (column.list.len() > 0) & bad.list.all()
    if rule.images == "any":
        return whole
    gone = (column.list.len() > 0) & (pl.col(IMAGES_LEFT) <= 0)
    return pl.when(pl.col("roles") == "document").then(gone).otherwise(bad.list.any())


def _leave_out(frame: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Add the pictures of documents that fail a rule to those that leave."""
    bad = pl.col(rule.signal).list.eval((~_passes(pl.element(), rule)).fill_null(False).arg_true())
    leaving = (pl.col("roles") == "document") & (bad.list.len() > 0) & _applies(rule)
    both = pl.concat_list(pl.col(_LEFT_OUT).fill_null([]), bad.cast(pl.List(pl.Int32)))
    joined = pl.when(leaving).then(both.list.unique().list.sort()).otherwise(pl.col(_LEFT_OUT))
    frame = frame.with_columns(joined.alias(_LEFT_OUT))
    left = pl.col("n_images") - pl.col(_LEFT_OUT).list.len().fill_null(0)
    return frame.with_columns(left.cast(pl.Int32).alias(IMAGES_LEFT))


def _applies(rule: Rule) -> pl.Expr:
    applies = pl.lit(True)
    if rule.roles:
        applies = pl.col("roles") == rule.roles
    if rule.when:
        applies = applies & _passes(pl.col(rule.when.signal), rule.when).fill_null(False)
    return applies


def _threshold(rule: Rule, value: pl.Expr) -> pl.Expr:
    """Return the bound that a value has passed."""
    if rule.min is not None and rule.max is not None:
        return pl.when(value < rule.min).then(pl.lit(rule.min)).otherwise(pl.lit(rule.max))
    given = [rule.min, rule.max, rule.equals if isinstance(rule.equals, bool | float) else None]
    return pl.lit(next((float(b) for b in given if b is not None), None), pl.Float64)


def _told(rule: Rule, value: pl.Expr, kind: Any) -> pl.Expr:
    """Return what a rule asks; of a text signal, also what was found."""
    parts = [f"{key} {_plain(bound)}" for key, bound in rule.given().items()]
    told = pl.lit(f"{rule.signal} {' '.join(parts)}".rstrip())
    return pl.format("{}: {}", told, value) if kind == pl.String else told


def _plain(bound: Any) -> str:
    if isinstance(bound, tuple):
        return ", ".join(bound)
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def columns_of(rules: Sequence[Rule]) -> list[str]:
    """Return the signals that rules read, and those that every decision needs."""
    named = {name for rule in rules for name in rule.columns}
    return sorted({"id", "roles", "n_images", ERRORS, *named})


def read_signals(urls: Sequence[str], rules: Sequence[Rule]) -> list[pa.Table]:
    """Read what rules need of some parts.

    Raises:
        UsageError: if a signal has not been measured.
    """
    columns = columns_of(rules)
    for url in urls:
        with open_parquet(url) as file:
            there = set(file.schema_arrow.names)
        missing = next((name for name in columns if name not in there), None)
        if missing:
            owner = next((rule.name for rule in rules if missing in rule.columns), "")
            raise UsageError(
                f"rule '{owner}': signal '{missing}' is not measured",
                place=url,
                hint="cauldron measure WORK comes first; --signals names groups",
            )
    return [read_table(url, columns) for url in urls]


def decided(tables: Sequence[pa.Table], rules: Sequence[Rule]) -> pl.DataFrame:
    """Decide on the signals of some parts in one query."""
    return decide(pl.DataFrame(pl.from_arrow(pa.concat_tables(tables))), rules)


def counts_of(decisions: pl.DataFrame) -> dict[str, Any]:
    """Return kept and dropped samples, and pictures left out of kept ones."""
    dropped = decisions.filter(~pl.col("keep")).group_by("reason").len().sort("reason")
    return {
        "kept": int(decisions["keep"].sum()),
        "dropped": dict(zip(dropped["reason"], dropped["len"], strict=True)),
        "images_left_out": int(decisions["images"].list.len().sum() or 0),
    }


def filter_parts(parts: Sequence[tuple[str, str]], rules: Rules, source: str) -> dict[str, Any]:
    """Decide on some parts of a source by their signals.

    Args:
        parts: URLs of the signals to read and of the decisions to write.
    """
    chosen = rules.of(source)
    tables = read_signals([signals for signals, _ in parts], chosen)
    decisions = decided(tables, chosen)
    made = as_decisions(decisions)
    starts = itertools.accumulate((table.num_rows for table in tables), initial=0)
    slices = [
        made.slice(start, table.num_rows) for start, table in zip(starts, tables, strict=False)
    ]
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write_table, [out for _, out in parts], slices))
    return counts_of(decisions)
