"""Rules to decisions: polars expressions over the signals of many samples at once."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pyarrow as pa

from cauldron.curate.decisions import as_decisions
from cauldron.curate.lists import Lists
from cauldron.curate.rules import IMAGES_LEFT, Bounds, Rule, Rules
from cauldron.errors import UsageError
from cauldron.signals.measure import ERRORS
from cauldron.storage.files import is_local, local_path
from cauldron.storage.shards import open_parquet, write_tables

UNMEASURED = "not_measured"
"""The reason of a sample whose signals could not be measured: no rule can judge it."""
NO_LISTS = Lists()
_THREADS = 4  # signals are small: reading is waiting for the store
_LEFT_OUT, _FIRST, _ROW, _PATH = "\x00left_out", "\x00first", "\x00row", "\x00path"  # made here


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

    A value that is missing passes: what cannot be measured of a sample has a rule of its own. All
    rules are one query of masks; values and reasons are made for rows that fail only.
    """
    frame = signals.with_columns(
        pl.col("n_images").cast(pl.Int32).alias(IMAGES_LEFT),
        pl.lit(None, pl.List(pl.Int32)).alias(_LEFT_OUT),
    )
    masks = [(pl.col(ERRORS) != "").fill_null(False)]
    for rule in rules:
        if rule.images == "each":
            frame = _leave_out(frame, rule)
            frame = frame.with_columns(_fails(rule, frame).alias(f"\x00{rule.name}"))
            masks.append(pl.col(f"\x00{rule.name}"))
        else:
            masks.append(_fails(rule, frame))
    numbered = [pl.when(mask).then(pl.lit(n, pl.Int16)) for n, mask in enumerate(masks)]
    frame = frame.with_columns(pl.coalesce(numbered).alias(_FIRST)).with_row_index(_ROW)
    told = [_told_rows(frame.filter(pl.col(_FIRST) == 0), _unmeasured())]
    failed = frame.filter(pl.col(_FIRST) > 0)
    for (number,), rows in failed.partition_by(_FIRST, as_dict=True, maintain_order=True).items():
        told.append(_told_rows(rows, _verdict(rules[int(number) - 1], rows)))
    verdicts = pl.concat(told).sort(_ROW)
    keep = pl.col("keep")
    out = frame.select(_ROW, "id", images=_LEFT_OUT).join(
        verdicts, on=_ROW, how="left", maintain_order="left"
    )
    return out.with_columns(
        pl.col("reason").is_null().alias("keep"),
        pl.col("reason").fill_null(""),
        pl.col("detail").fill_null(""),
    ).with_columns(images=pl.when(keep).then(pl.col("images")))


def _told_rows(rows: pl.DataFrame, verdict: dict[str, pl.Expr]) -> pl.DataFrame:
    return rows.select(
        pl.col(_ROW),
        verdict["reason"].cast(pl.String).alias("reason"),
        verdict["value"].cast(pl.Float64).alias("value"),
        verdict["threshold"].cast(pl.Float64).alias("threshold"),
        verdict["detail"].cast(pl.String).alias("detail"),
    )


def _unmeasured() -> dict[str, pl.Expr]:
    return {
        "reason": pl.lit(UNMEASURED),
        "value": pl.lit(None),
        "threshold": pl.lit(None),
        "detail": pl.format("measure: {}", pl.col(ERRORS)),
    }


def _verdict(rule: Rule, rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """Return reason, value, threshold and detail of rows that fail a rule."""
    kind = rows.schema[rule.signal]
    value = pl.col(rule.signal)
    parts = [f"{key} {_plain(bound)}" for key, bound in rule.given().items()]
    detail = pl.lit(f"{rule.signal} {' '.join(parts)}".rstrip())
    place = None
    if isinstance(kind, pl.List):
        place = _bad(rule).list.arg_max()
        value = value.list.get(place, null_on_oob=True)
        kind = kind.inner  # type: ignore[assignment]
    if kind == pl.String:
        detail = pl.format("{}: {}", detail, value)
    if place is not None:
        detail = pl.format("{} at images[{}]", detail, place)
    number = value if kind.is_numeric() or kind == pl.Boolean else pl.lit(None)
    number = number.cast(pl.Float64)
    return {
        "reason": pl.lit(rule.name),
        "value": number,
        "threshold": _threshold(rule, number),
        "detail": detail,
    }


def _bad(rule: Rule) -> pl.Expr:
    """Return for each picture whether it fails a rule."""
    return pl.col(rule.signal).list.eval((~_passes(pl.element(), rule)).fill_null(False))


def _fails(rule: Rule, frame: pl.DataFrame) -> pl.Expr:
    """Return whether samples fail a rule."""
    if isinstance(frame.schema[rule.signal], pl.List):
        failed = _fails_by_pictures(rule, pl.col(rule.signal), _bad(rule))
    else:
        failed = (~_passes(pl.col(rule.signal), rule)).fill_null(False)
    return failed & _applies(rule)


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


def _plain(bound: Any) -> str:
    if isinstance(bound, tuple):
        return ", ".join(bound)
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def columns_of(rules: Sequence[Rule]) -> list[str]:
    """Return the signals that rules read, and those that every decision needs."""
    named = {name for rule in rules for name in rule.columns}
    return sorted({"id", "roles", "n_images", ERRORS, *named})


def read_signals(urls: Sequence[str], rules: Sequence[Rule]) -> tuple[pl.DataFrame, list[int]]:
    """Read what rules need of some parts; return it and the rows of each part.

    Raises:
        UsageError: if a signal has not been measured.
    """
    if all(map(is_local, urls)):
        with contextlib.suppress(pl.exceptions.PolarsError, OSError):  # told below
            return _read_together([str(local_path(url)) for url in urls], columns_of(rules))
    with ThreadPoolExecutor(_THREADS) as pool:
        tables = list(pool.map(lambda url: _read(url, rules), urls))
    frame = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables)))
    return frame, [table.num_rows for table in tables]


def _read_together(paths: list[str], columns: list[str]) -> tuple[pl.DataFrame, list[int]]:
    """Read parts in one query, which takes a third of the time that one each does."""
    query = pl.scan_parquet(
        paths, glob=False, hive_partitioning=False, extra_columns="ignore", include_file_paths=_PATH
    )
    frame = query.select(*columns, _PATH).collect()
    runs = frame[_PATH].rle().struct
    rows = dict(zip(runs.field("value"), runs.field("len"), strict=True))
    if sum(rows.get(path, 0) for path in paths) != len(frame):
        raise pl.exceptions.ShapeError("rows of no file")
    return frame.drop(_PATH), [rows.get(path, 0) for path in paths]


def _read(url: str, rules: Sequence[Rule]) -> pa.Table:
    columns = columns_of(rules)
    with open_parquet(url) as file:
        there = set(file.schema_arrow.names)
        missing = next((name for name in columns if name not in there), None)
        if missing is None:
            return file.read(columns=columns, use_threads=False)
    owner = next((rule.name for rule in rules if missing in rule.columns), "")
    raise UsageError(
        f"rule '{owner}': signal '{missing}' is not measured",
        place=url,
        hint="cauldron measure WORK comes first; --signals names groups",
    )


def counts_of(decisions: pl.DataFrame) -> dict[str, Any]:
    """Return kept and dropped samples, and pictures left out of kept ones."""
    dropped = decisions.filter(~pl.col("keep")).group_by("reason").len().sort("reason")
    return {
        "kept": int(decisions["keep"].sum()),
        "dropped": dict(zip(dropped["reason"], dropped["len"], strict=True)),
        "images_left_out": int(decisions["images"].list.len().sum() or 0),
    }


def filter_parts(
    parts: Sequence[tuple[str, str]], rules: Rules, source: str, lists: Lists = NO_LISTS
) -> dict[str, Any]:
    """Decide on some parts of a source by their signals, and by what was decided by hand.

    Args:
        parts: URLs of the signals to read and of the decisions to write.
    """
    chosen = rules.of(source)
    signals, rows = read_signals([url for url, _ in parts], chosen)
    decisions = lists.applied(decide(signals, chosen))
    made = as_decisions(decisions).combine_chunks()
    starts = itertools.accumulate(rows, initial=0)
    slices = [made.slice(start, many) for start, many in zip(starts, rows, strict=False)]
    write_tables(zip([out for _, out in parts], slices, strict=True))
    return counts_of(decisions)
