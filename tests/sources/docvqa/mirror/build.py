"""Parquet as HuggingFaceM4/DocumentVQA has it: a picture in every row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

PAGES = [{"bytes": picture((10, 20, 30 + k)), "path": None} for k in range(2)]
SHOWN = (0, 0, 1, 0)
ROWS = [
    {
        "questionId": k,
        "question": f"what is in field {k}?",
        "image": PAGES[shown],
        "docId": 7 + shown,
        "ucsf_document_id": f"abcd000{shown}",
        "ucsf_document_page_no": "1",
        "answers": [f"value {k}", f"VALUE {k}"],
    }
    for k, shown in enumerate(SHOWN)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "data/train-00000-of-00001-abc.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
