"""Two rows on one chart, one on another, one without an answer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

ONE, TWO, THREE = (
    {"bytes": picture((20, 90, shade)), "path": f"{name}.png"}
    for name, shade in (("a", 10), ("b", 90), ("c", 200))
)
ROWS = [
    {"image": ONE, "input": "Sum it up.", "output": "It falls."},
    {"image": ONE, "input": "How much?", "output": "40"},
    {"image": TWO, "input": "Sum it up.", "output": "It rises."},
    {"image": THREE, "input": "Sum it up.", "output": ""},
]


def build(folder: Path) -> None:
    """Write the file."""
    path = folder / "data/train-00000-of-00022.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
