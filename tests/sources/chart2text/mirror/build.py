"""Parquet as heegyu/chart2text_statista has it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

ROWS = [
    {
        "id": str(k),
        "title": f"Title {k}",
        "caption": "The first . And more .",
        "first_caption": f"the first , number {k} .",
        "chartType": "line",
        "URL": f"https://statista.example/{k}",
        "image": {"bytes": picture((40, 90, 30 + k)), "path": None},
    }
    for k in range(2)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
