"""One row a sample of a work folder, in memory: place, verdict and signals, for quick queries.

Numbers are kept as 32 bits; a signal with one value a picture as its least and its greatest. Texts
stay on disk: they are read for the rows that the other conditions leave, up to a time limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from cauldron.errors import StorageError, UsageError, near
from cauldron.lineage import read_row
from cauldron.stats import verdicts
from cauldron.storage import files, work
from cauldron.storage.shards import open_parquet, read_table

PAGE = 60
TEXT_SECONDS = 2.0
FEW_WORDS = 500
"""Signals of text with more different values than this cannot be chosen from a list."""

KEPT = "kept"
_OWN = ("id", "source", "part", "row", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; empty conditions let everything pass.

    Args:
        reason: `kept`, `dropped`, or the reason of a drop.
        ranges: least and greatest value of signals, None for no bound.
        words: wanted values of signals of text.
        text: what must stand in the messages or the id, upper and lower case alike.
        among: ids of a list to look at only.
        sort: a signal; `-` in front sorts downwards.
    """

    source: str = ""
    reason: str = ""
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    among: frozenset[str] | None = None
    sort: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of results.

    Args:
        rows: of the table: `id`, `source`, `part`, `row`, `reason`.
        total: how many fit; of a text search, how many were found so far.
        looked_at: share of the candidates that a text search has read.
    """

    rows: list[dict[str, Any]]
    total: int
    looked_at: float = 1.0


class SampleTable:
    """The samples of a work folder.

    Raises:
        StorageError: if the folder holds no samples.
    """

    def __init__(self, place: str) -> None:
        work.require(place)
        self.place = place
        self._parts = [(s, p) for s in work.sources(place) for p in work.parts(place, s)]
        frames = [self._frame(number, *part) for number, part in enumerate(self._parts)]
        self.frame = pl.concat(frames, how="diagonal", rechunk=True).with_row_index("at")
        numeric = [c for c, t in self.frame.schema.items() if t.is_numeric()]
        self.numbers = [c for c in numeric if c not in (*_OWN, "at")]
        self.words = self._short_words()

    def __len__(self) -> int:
        return self.frame.height

    def sources(self) -> list[str]:
        """Return the names of all sources."""
        return list(dict.fromkeys(source for source, _ in self._parts))

    def reasons(self) -> dict[str, int]:
        """Return how many samples are kept, and how many each reason drops."""
        counts = self.frame.group_by("reason").len().sort("len", descending=True)
        return {r: n for r, n in counts.iter_rows() if r == KEPT} | {
            r: n for r, n in counts.iter_rows() if r != KEPT
        }

    def find(self, query: Query) -> Found:
        """Return a page of the samples that fit.

        Raises:
            UsageError: if a signal is not known.
        """
        chosen = self.frame.lazy().filter(self._condition(query))
        if query.sort:
            name = self._known(query.sort.removeprefix("-"), self.numbers)
            down = query.sort.startswith("-")
            chosen = chosen.sort(name, descending=down, nulls_last=True, maintain_order=True)
        first, last = query.page * PAGE, (query.page + 1) * PAGE
        if query.text:
            return self._with_text(chosen.select(_OWN).collect(), query.text, first, last)
        found = chosen.select("at").collect()["at"]
        return Found(rows=self._rows(found[first:last]), total=len(found))

    def sample(self, source: str, part: str, row: int) -> dict[str, Any]:
        """Return one sample with its pictures.

        Raises:
            StorageError: if there is no such part or row.
        """
        if (source, part) not in self._parts:
            raise StorageError("no such part", place=f"{source}/{part}")
        try:
            return read_row(work.samples(self.place, source, part), row)
        except IndexError as error:
            raise StorageError("no such row", place=f"{source}/{part}/{row}") from error

    def find_id(self, sample_id: str) -> dict[str, Any] | None:
        """Return the row of a sample, None where there is none."""
        found = self.frame.lazy().filter(pl.col("id") == sample_id).select(_OWN).collect()
        row = found.row(0, named=True) if found.height else None
        return row and {**row, **self._place(row)}

    def _condition(self, query: Query) -> pl.Expr:
        wanted = pl.lit(True)
        if query.source:
            wanted &= pl.col("source") == query.source
        if query.reason == "dropped":
            wanted &= pl.col("reason") != KEPT
        elif query.reason:
            wanted &= pl.col("reason") == query.reason
        for name, (low, high) in query.ranges.items():
            least, most = self._bounds_of(name)
            wanted &= (pl.col(most) >= low) if low is not None else pl.lit(True)
            wanted &= (pl.col(least) <= high) if high is not None else pl.lit(True)
        for name, word in query.words.items():
            wanted &= pl.col(self._known(name, self.words)) == word
        if query.among is not None:
            wanted &= pl.col("id").is_in(list(query.among))
        return wanted

    def _bounds_of(self, name: str) -> tuple[str, str]:
        """Return the columns that hold the least and the greatest value of a signal."""
        if name in self.numbers:
            return name, name
        self._known(f"{name}.min", self.numbers)
        return f"{name}.min", f"{name}.max"

    @staticmethod
    def _known(name: str, names: Sequence[str] | Mapping[str, Any]) -> str:
        if name not in names:
            raise UsageError(f"no signal '{name}'{near(name, names)}")
        return name

    def _rows(self, at: pl.Series) -> list[dict[str, Any]]:
        rows = self.frame[at].select(_OWN).to_dicts()
        return [{**row, **self._place(row)} for row in rows]

    def _place(self, row: Mapping[str, Any]) -> dict[str, Any]:
        source, part = self._parts[row["part"]]
        return {"source": source, "part": part}

    def _with_text(self, rows: pl.DataFrame, text: str, first: int, last: int) -> Found:
        """Read the messages of candidates, part by part in their order, until time is up."""
        started, wanted = time.monotonic(), text.lower()
        hits: list[dict[str, Any]] = []
        looked = 0
        for run in _runs(rows):
            texts = self._texts(*self._parts[run[0]["part"]])
            for row in run:
                looked += 1
                if wanted in texts[row["row"]] or wanted in row["id"].lower():
                    hits.append({**row, **self._place(row)})
            if time.monotonic() - started > TEXT_SECONDS and len(hits) >= last:
                break
            if time.monotonic() - started > 5 * TEXT_SECONDS:
                break
        share = looked / max(rows.height, 1)
        return Found(rows=hits[first:last], total=len(hits), looked_at=share)

    def _texts(self, source: str, part: str) -> list[str]:
        table = read_table(work.samples(self.place, source, part), ["messages"])
        content = pl.col("messages").list.eval(
            pl.element().struct.field("content").list.eval(pl.element().struct.field("text"))
        )
        frame = pl.DataFrame(pl.from_arrow(table))
        joined = content.list.eval(pl.element().list.drop_nulls().list.join("\n")).list.join("\n")
        texts: list[str] = frame.select(joined.str.to_lowercase().fill_null(""))[
            "messages"
        ].to_list()
        return texts

    def _frame(self, number: int, source: str, part: str) -> pl.DataFrame:
        """Return place, verdict and signals of a part; signals that do not fit it are left out."""
        table = read_table(work.samples(self.place, source, part), ["id"])
        ids, rows = table["id"], table.num_rows
        told = verdicts(self.place, source, part, ids)
        reasons = [r or KEPT for r in told.reason.tolist()]
        frame = pl.DataFrame(
            {
                "id": pl.Series(ids.to_pylist(), dtype=pl.String),
                "source": pl.Series([source] * rows, dtype=pl.Categorical),
                "part": pl.Series([number] * rows, dtype=pl.UInt32),
                "row": pl.Series(range(rows), dtype=pl.UInt32),
                "reason": pl.Series(reasons, dtype=pl.Categorical),
            }
        )
        signals = self._signals(source, part)
        if signals is not None and signals.height == rows:
            frame = frame.hstack(signals)
        return frame

    def _signals(self, source: str, part: str) -> pl.DataFrame | None:
        url = work.signals(self.place, source, part)
        if not files.exists(url):
            return None
        with open_parquet(url) as file:
            wanted = [f.name for f in file.schema_arrow if _is_shown(f.type) and f.name != "id"]
            table = file.read(columns=wanted)
        frame = pl.DataFrame(pl.from_arrow(table))
        return frame.select([e for c, t in frame.schema.items() for e in _small(c, t)])

    def _short_words(self) -> dict[str, list[str]]:
        texts = [c for c, t in self.frame.schema.items() if t == pl.Categorical and c not in _OWN]
        values = {c: self.frame[c].drop_nulls().unique().cast(pl.String).to_list() for c in texts}
        return {c: sorted(v) for c, v in values.items() if 0 < len(v) <= FEW_WORDS and v != [""]}


def _is_shown(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) else kind
    number = pa.types.is_floating(inner) or pa.types.is_boolean(inner)
    small = pa.types.is_integer(inner) and inner.bit_width <= 32
    return number or small or (pa.types.is_string(kind) and not pa.types.is_list(kind))


def _small(name: str, kind: pl.DataType) -> Iterator[pl.Expr]:
    column = pl.col(name)
    if isinstance(kind, pl.List):
        values = column.list.eval(pl.element().cast(pl.Float32))
        yield values.list.min().alias(f"{name}.min")
        yield values.list.max().alias(f"{name}.max")
    elif kind == pl.String:
        if not name.endswith(("hash", "_error")):
            yield column.cast(pl.Categorical)
    elif kind == pl.Float64:
        yield column.cast(pl.Float32)
    elif kind == pl.Boolean:
        yield column.cast(pl.Int8)
    else:
        yield column


def _runs(rows: pl.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Yield neighbours that stand in the same part."""
    held: list[dict[str, Any]] = []
    for row in rows.iter_rows(named=True):
        if held and row["part"] != held[0]["part"]:
            yield held
            held = []
        held.append(row)
    if held:
        yield held
