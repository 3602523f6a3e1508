"""Rules over signals: YAML in, polars expressions inside, one reason a drop out.

A rule names a signal and bounds (bounds included). On signals with one value a picture, `images`
says whether all pictures must pass (`all`, the default) or one is enough (`any`). The first rule
that a sample fails is its reason.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cauldron.config import Off, checked, load_yaml
from cauldron.curate.decisions import as_decisions
from cauldron.errors import RecipeError, near
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage.keys import key_of
from cauldron.storage.shards import read_table, write_table

_WRITERS = 4  # decisions are small: writing them is waiting for the disk
_PER_IMAGE = {name for name in SIGNALS_SCHEMA.names if name.startswith("image_")}


class Bounds(BaseModel):
    """What a value must satisfy to pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float | None = None
    max: float | None = None
    equals: bool | float | str | None = None
    one_of: tuple[str, ...] | None = None


class Rule(Bounds):
    """One rule: `name` is the drop reason."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    signal: str
    images: Literal["all", "any"] = "all"
    roles: Literal["chat", "document"] | None = None

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str) -> str:
        if signal not in SIGNALS_SCHEMA.names:
            raise ValueError(f"unknown signal '{signal}'{near(signal, SIGNALS_SCHEMA.names)}")
        return signal

    @model_validator(mode="after")
    def _bounded(self) -> Rule:
        if all(b is None for b in (self.min, self.max, self.equals, self.one_of)):
            raise ValueError("a rule needs min, max, equals or one_of")
        return self


class Rules(BaseModel):
    """A list of rules, and what differs for single sources (`off` or other bounds)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = ()
    sources: dict[str, dict[str, Off | Bounds]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _overrides_known(self) -> Rules:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        for source, overrides in self.sources.items():
            for name in overrides:
                if name not in names:
                    raise ValueError(f"source '{source}': no rule '{name}'{near(name, names)}")
        return self

    @property
    def key(self) -> str:
        """The hash of all rules."""
        return key_of(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return self.model_dump(mode="json", exclude_none=True)

    def of(self, source: str) -> list[Rule]:
        """Return the rules as they hold for one source."""
        own = self.sources.get(source, {})
        out = []
        for rule in self.rules:
            override = own.get(rule.name)
            if isinstance(override, Bounds):
                out.append(rule.model_copy(update=override.model_dump(exclude_none=True)))
            elif override != "off":
                out.append(rule)
        return out


def load_rules(path: str) -> Rules:
    """Read a rules file.

    Raises:
        RecipeError: naming file, line and key.
    """
    values, node = load_yaml(path)
    if not isinstance(values, dict):
        raise RecipeError("expected `rules:` at the top", place=path)
    return checked(values, Rules, path, node)


def _passes(value: pl.Expr, rule: Rule) -> pl.Expr:
    tests = []
    if rule.min is not None:
        tests.append(value >= rule.min)
    if rule.max is not None:
        tests.append(value <= rule.max)
    if rule.equals is not None:
        tests.append(value == rule.equals)
    if rule.one_of is not None:
        tests.append(value.is_in(list(rule.one_of)))
    return functools.reduce(operator.and_, tests)


def _expressions(rule: Rule) -> tuple[pl.Expr, pl.Expr]:
    """Return the expression that passes, and the value that is reported."""
    column = pl.col(rule.signal)
    if rule.signal in _PER_IMAGE:
        each = column.list.eval(_passes(pl.element(), rule))
        passed = each.list.all() if rule.images == "all" else each.list.any()
        passed = (column.list.len() == 0) | passed
        numeric = SIGNALS_SCHEMA.field(rule.signal).type.value_type
        first_bad = column.list.eval(pl.element().filter(~_passes(pl.element(), rule)))
        value = first_bad.list.first()
        shown = value.cast(pl.Float64) if str(numeric) not in ("string", "binary") else None
    else:
        passed = _passes(column, rule)
        kind = str(SIGNALS_SCHEMA.field(rule.signal).type)
        shown = column.cast(pl.Float64) if kind != "string" else None
    if rule.roles:
        passed = passed | (pl.col("roles") != rule.roles)
    return passed.fill_null(True), pl.lit(None, pl.Float64) if shown is None else shown


def _told(rule: Rule) -> pl.Expr:
    """Return what a rule asks; of a text signal, also what was found."""
    bounds = {"min": rule.min, "max": rule.max, "equals": rule.equals, "one_of": rule.one_of}
    parts = [f"{key} {value}" for key, value in bounds.items() if value is not None]
    told = pl.lit(f"{rule.signal} {' '.join(parts)}".rstrip())
    kind = str(SIGNALS_SCHEMA.field(rule.signal).type)
    return pl.format("{}: {}", told, pl.col(rule.signal)) if kind == "string" else told


def decide(signals: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """Return a decision for every row of signals."""
    reason: pl.Expr = pl.lit("")
    value: pl.Expr = pl.lit(None, pl.Float64)
    detail: pl.Expr = pl.lit("")
    for rule in reversed(rules):
        passed, shown = _expressions(rule)
        reason = pl.when(passed).then(reason).otherwise(pl.lit(rule.name))
        value = pl.when(passed).then(value).otherwise(shown)
        detail = pl.when(passed).then(detail).otherwise(_told(rule))
    frame = signals.select(
        "id", reason.alias("reason"), value.alias("value"), detail.alias("detail")
    )
    return frame.with_columns((pl.col("reason") == "").alias("keep"))


def filter_parts(parts: Sequence[tuple[str, str]], rules: Rules, source: str) -> dict[str, Any]:
    """Decide on some parts of a source by their signals, all in one query.

    Args:
        parts: URLs of the signals to read and of the decisions to write.
    """
    chosen = rules.of(source)
    columns = sorted({"id", "roles", *(rule.signal for rule in chosen)})
    tables = [read_table(signals, columns) for signals, _ in parts]
    joined = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables)))
    decisions = decide(joined, chosen)
    made = as_decisions(decisions)
    starts = itertools.accumulate((table.num_rows for table in tables), initial=0)
    slices = [
        made.slice(start, table.num_rows) for start, table in zip(starts, tables, strict=False)
    ]
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write_table, [out for _, out in parts], slices))
    dropped = decisions.filter(~pl.col("keep")).group_by("reason").len().sort("reason")
    return {
        "kept": int(decisions["keep"].sum()),
        "dropped": dict(zip(dropped["reason"], dropped["len"], strict=True)),
    }
