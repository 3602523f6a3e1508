"""Rows of the Parquet mirror of ChartQA, where a label is a list."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    image = {"bytes": picture((20, 200, 20)), "path": "7.png"}
    rows = [
        {"image": image, "query": "how many bars?", "label": ["4"], "human_or_machine": 0},
        {"image": image, "query": "Which is last?", "label": ["iran"], "human_or_machine": 1},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
