"""Histograms of signals as rectangles in an SVG view box; kept and dropped stacked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.report.facts import walk
from cauldron.stats import sample_ids, verdicts
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import open_parquet, read_table

WIDTH, HEIGHT = 320.0, 96.0
BINS = 32
_WIDE = 50.0  # a range this much wider than its median is drawn with logarithmic bins

SHOWN = {
    "words": "Words",
    "answer_chars": "Answer, characters",
    "question_chars": "Question, characters",
    "n_turns": "Turns",
    "n_images": "Pictures",
    "image_width": "Picture width, px",
    "image_height": "Picture height, px",
    "image_aspect": "Aspect, long / short side",
    "image_bytes": "Picture size, bytes",
    "image_entropy": "Picture entropy",
    "char_repetition": "Character repetition",
    "word_repetition": "Word repetition",
    "special_ratio": "Special characters",
    "digit_ratio": "Digits",
    "stopword_ratio": "Stop words",
    "punctuation_ratio": "Punctuation",
}
"""Signals that are drawn, in order, with their titles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bin: its place, the heights of the kept and dropped share, its words."""

    x: float
    width: float
    kept: float
    dropped: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A threshold of the rules at `x`."""

    x: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A histogram of one signal."""

    signal: str
    title: str
    low: str
    middle: str
    high: str
    log: bool
    values: int
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]

    @property
    def words(self) -> str:
        """The chart in one sentence, for those who do not see it."""
        lines = "; ".join(line.title for line in self.lines)
        said = (
            f"{self.title}: {self.values} values, {self.low} to {self.high}, median {self.middle}"
        )
        return f"{said}; {lines}" if lines else said


def thresholds(settings: Iterable[Any]) -> dict[str, list[tuple[str, float]]]:
    """Find lower and upper limits of shown signals in rules of any nesting.

    Understands `{words: {min: 1}}`, `{min: {words: 1}}`, `{signal: words, min: 1}` and
    `{min_words: 1}`.
    """
    found: dict[str, set[tuple[str, float]]] = {}
    alias = {name.removeprefix("image_"): name for name in SHOWN}
    alias |= {"aspect_ratio": "image_aspect", "images": "n_images", "turns": "n_turns"}

    def note(name: Any, kind: str, value: Any) -> None:
        signal = name if name in SHOWN else alias.get(str(name), "")
        if signal and isinstance(value, int | float) and not isinstance(value, bool):
            found.setdefault(signal, set()).add((kind, float(value)))

    for above, key, value in walk([{"": item} for item in settings]):
        kind, _, rest = key.partition("_")
        if kind in ("min", "max"):
            note(rest or above, kind, value)
        elif above in ("min", "max"):
            note(key, above, value)
        if isinstance(value, dict | list):
            for item in value if isinstance(value, list) else [value]:
                named = item.get("signal") or item.get("column") if isinstance(item, dict) else None
                for limit in ("min", "max") if named else ():
                    note(named, limit, item.get(limit))
    return {signal: sorted(limits) for signal, limits in found.items()}


def charts(work: str, settings: Iterable[Any] = ()) -> list[Chart]:
    """Draw every shown signal that has values."""
    limits = thresholds(settings)
    drawn = []
    for signal, values in _gathered(work).items():
        kept = np.concatenate([pair[0] for pair in values])
        dropped = np.concatenate([pair[1] for pair in values])
        if kept.size + dropped.size:
            drawn.append(histogram(signal, kept, dropped, limits.get(signal, [])))
    return drawn


def _gathered(
    work: str,
) -> dict[str, list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]]:
    """Read the shown signals of all parts; a list signal gives one value a picture."""
    values: dict[str, list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]] = {}
    values = {signal: [] for signal in SHOWN}
    for source in places.sources(work):
        for part in places.parts(work, source):
            url = places.signals(work, source, part)
            if not files.exists(url):
                continue
            keep = verdicts(work, source, part, sample_ids(work, source, part)).keep
            with open_parquet(url) as file:
                there = [name for name in SHOWN if name in file.schema_arrow.names]
            table = read_table(url, there)
            if table.num_rows != len(keep):
                continue
            for name in there:
                numbers, rows = _flat(table[name])
                fine = np.isfinite(numbers)
                held = keep[rows]
                values[name].append((numbers[fine & held], numbers[fine & ~held]))
    return {signal: pairs for signal, pairs in values.items() if pairs}


def _flat(column: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the values of a column and the row of each."""
    column = column.combine_chunks()
    if hasattr(column.type, "value_type"):
        lengths = np.asarray(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
        rows = np.repeat(np.arange(len(column)), lengths.astype(np.int64))
        column = column.flatten()
    else:
        rows = np.arange(len(column))
    return column.to_numpy(zero_copy_only=False).astype(np.float32), rows


def histogram(
    signal: str,
    kept: npt.NDArray[np.float32],
    dropped: npt.NDArray[np.float32],
    limits: list[tuple[str, float]],
) -> Chart:
    """Bin kept and dropped values together; bins are logarithmic where the range is wide."""
    both = np.concatenate([kept, dropped]).astype(np.float64)
    low, high, middle = float(both.min()), float(both.max()), float(np.median(both))
    log = low >= 0 and high > _WIDE * max(middle, 1.0)
    whole = bool(np.all(both == np.floor(both)))
    edges = _edges(both, log, whole)
    between = {"min": -0.5, "max": 0.5} if whole else {}
    ups = [
        np.histogram(part, bins=edges)[0] for part in (kept.astype(float), dropped.astype(float))
    ]
    tall = float(np.max(ups[0] + ups[1])) or 1.0
    bars = tuple(
        Bar(
            x=round(WIDTH * i / (len(edges) - 1), 2),
            width=round(WIDTH / (len(edges) - 1) - 1, 2),
            kept=round(HEIGHT * float(ups[0][i]) / tall, 2),
            dropped=round(HEIGHT * float(ups[1][i]) / tall, 2),
            title=f"{short(edges[i])} to {short(edges[i + 1])}: {ups[0][i]} kept, "
            f"{ups[1][i]} dropped",
        )
        for i in range(len(edges) - 1)
        if ups[0][i] + ups[1][i]
    )
    lines = tuple(
        Line(
            x=_at(edges, value + between.get(kind, 0.0)),
            title=f"{'at least' if kind == 'min' else 'at most'} {short(value)}",
        )
        for kind, value in limits
        if edges[0] <= value <= edges[-1]
    )
    return Chart(
        signal=signal,
        title=SHOWN.get(signal, signal),
        low=short(low),
        middle=short(middle),
        high=short(high),
        log=log,
        values=int(both.size),
        bars=bars,
        lines=lines,
    )


def _edges(values: npt.NDArray[np.float64], log: bool, whole: bool) -> npt.NDArray[np.float64]:
    """Return bin edges; bins of whole numbers hold equally many of them."""
    low, high = float(values.min()), float(values.max())
    if log:
        edges = np.expm1(np.linspace(math.log1p(low), math.log1p(high), BINS + 1))
        edges[0], edges[-1] = low, high
        return edges
    if high <= low:
        return np.linspace(low - 1.5, low + 1.5, 4)
    if whole:
        step = math.ceil((high - low + 1) / BINS)
        return np.arange(low - 0.5, high + step + 0.5, step)
    return np.linspace(low, high, BINS + 1)


def _at(edges: npt.NDArray[np.float64], value: float) -> float:
    place = np.interp(value, edges, np.linspace(0.0, WIDTH, len(edges)))
    return round(float(place), 2)


def short(value: float) -> str:
    """Write a number briefly: 12, 0.25, 1,200, 3.4M."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
