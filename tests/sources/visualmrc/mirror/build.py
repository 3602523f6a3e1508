"""Parquet as jeepliu/VisualMRC has it, one row a question, test only."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

PAGES = [{"bytes": picture((40, 90, 30 + k)), "path": None} for k in range(2)]
ROWS = [
    {
        "id": f"0000{shown}",
        "qa_idx": k,
        "url": "https://pages.example/a",
        "question": f"what is part {k} ?",
        "answer": f"it is part {k}",
        "image": PAGES[shown],
        "screenshot_filename": f"screenshot/0000{shown}.png",
        "image_filename": f"image/0000{shown}.png",
    }
    for k, shown in enumerate((0, 0, 1))
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
