"""Parquet of v1; one record is altered, one has no picture."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

CODE = """\\documentclass[tikz]{{standalone}}
\\begin{{document}}
  % by A. Nyone {}
\\end{{document}}
"""


def row(k: int, augmented: bool, shown: bool = True) -> dict[str, object]:
    """Return one record."""
    return {
        "caption": f"Triangle {k}.",
        "code": CODE.format(k),
        "image": {"bytes": picture((40, 90, 30 + k)) if shown else None, "path": None},
        "uri": f"https://papers.example/{k}",
        "origin": "tex.stackexchange",
        "date": datetime(2019, 1, 1 + k),
        "augmented": augmented,
    }


def build(folder: Path) -> None:
    """Write the Parquet file."""
    path = folder / "data/train-00000-of-00001-abc.parquet"
    path.parent.mkdir(parents=True)
    rows = [row(0, False), row(1, True), row(2, False), row(3, False, shown=False)]
    pq.write_table(pa.Table.from_pylist(rows), path)
