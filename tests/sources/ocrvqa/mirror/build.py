"""A row of the Parquet mirror of OCR-VQA."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    row = {
        "image": {"bytes": picture((90, 9, 200), "JPEG"), "path": "012345678X.jpg"},
        "image_id": "012345678X",
        "questions": ["Who wrote this book?", "what type of book is this?"],
        "answers": ["Jo Doe", "Children's Books"],
        "title": "Soup",
        "authorName": "Jo Doe",
        "genre": "Children's Books",
        "image_url": "http://example.org/I/abc.jpg",
        "set_name": "train",
    }
    pq.write_table(pa.Table.from_pylist([row]), folder / "train-00000-of-00001.parquet")
