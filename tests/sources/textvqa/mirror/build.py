"""Rows of the Parquet mirror of TextVQA."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    shown = {"bytes": picture((9, 9, 200), "JPEG"), "path": None}
    rows = [
        {
            "image": shown,
            "image_id": "00ffee0011223377",
            "question_id": 5,
            "question": "what time is it?",
            "answers": ["5:41", "5:41 ", "noon"],
        },
        {
            "image": shown,
            "image_id": "00ffee0011223377",
            "question_id": 6,
            "question": "who?",
            "answers": ["n/a", "N/A"],
        },
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
