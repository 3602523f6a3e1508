"""The files of parts of a work folder, and rows by the part they lie in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFiles:
    """The files of one part: samples, signals, decisions of earlier steps, decisions to write."""

    source: str
    name: str
    samples: str
    signals: str
    earlier: tuple[str, ...]
    out: str


def by_part(frame: pl.DataFrame) -> Iterator[tuple[int, npt.NDArray[np.int64], pl.Series]]:
    """Yield each part that rows of a frame lie in: its number, rows, and places in the frame."""
    placed = frame.select("part", "row").with_row_index("place")
    for group in placed.partition_by("part", maintain_order=True):
        yield int(group["part"][0]), group["row"].to_numpy(), group["place"]
