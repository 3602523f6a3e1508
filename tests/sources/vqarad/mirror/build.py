"""Rows of the Parquet mirror of VQA-RAD."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    image = {"bytes": picture((200, 200, 200), "BMP"), "path": "synpic5.bmp"}
    rows = [
        {"image": image, "question": "is there a fracture?", "answer": "no"},
        {"image": image, "question": "which organ?", "answer": "lung"},
        {"image": {"bytes": b"<html>", "path": ""}, "question": "what?", "answer": "x"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
