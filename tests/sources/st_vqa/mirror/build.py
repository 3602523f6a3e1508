"""Rows of a Parquet mirror of ST-VQA."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    image = {"bytes": picture((9, 200, 200), "JPEG"), "path": "vg/1.jpg"}
    asked = [("what is sold?", ["tea"]), ("Two?", ["a", "b"]), ("Where?", ["London"])]
    rows = [
        {"image": image, "question": question, "question_id": number, "answers": answers}
        for number, (question, answers) in enumerate(asked)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
