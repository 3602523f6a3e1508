"""Parquet with one row a question."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

CHARTS = [{"bytes": picture((40, 90, 30 + k)), "path": None} for k in range(2)]
ROWS = [
    {
        "image": CHARTS[shown],
        "image_path": f"bar_train_0000000{shown}.png",
        "question_id": str(k),
        "question": f"what is the value of bar {k}?",
        "answer_bbox": [1.0, 2.0, 3.0, 4.0],
        "template_id": "data",
        "answer": str(k),
    }
    for k, shown in enumerate((0, 0, 1))
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
