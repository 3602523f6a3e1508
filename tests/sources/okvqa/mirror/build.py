"""Rows of a Parquet mirror of OK-VQA: answers as plain words, then as records."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    rows = [
        {
            "image": {"bytes": picture((9, 90, 20), "JPEG"), "path": "7.jpg"},
            "question": "What is it for?",
            "question_id": 75,
            "answers": ["surfing", "surfing", "sport"],
        }
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00002.parquet")
    votes = [("swim", "swimming"), ("swim", "swimming"), ("sport", "sport")]
    answers = [{"answer": stem, "raw_answer": typed} for stem, typed in votes]
    image = {"bytes": picture((90, 9, 20), "JPEG"), "path": "8.jpg"}
    rows = [{"image": image, "question": "Why?", "question_id": 85, "answers": answers}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00001-of-00002.parquet")
