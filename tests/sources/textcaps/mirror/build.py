"""Rows of the Parquet mirror of TextCaps, one a picture; those of test have no captions."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    shown = {"bytes": picture((9, 9, 20), "JPEG"), "path": None}
    said = ["a red can", "a red can"]
    rows = [
        {"image": shown, "image_id": "00aa", "question_id": "00aa", "reference_strs": said},
        {"image": shown, "image_id": "00ab", "question_id": "00ab", "reference_strs": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
