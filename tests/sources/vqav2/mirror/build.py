"""Rows of a Parquet mirror of VQA v2, where neighbours show the same picture."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    first, second = (
        {"bytes": picture(color, "JPEG"), "path": name}
        for name, color in (("1.jpg", (9, 9, 200)), ("2.jpg", (200, 9, 9)))
    )
    told = [{"answer": "bus", "answer_confidence": "yes", "answer_id": 1}]
    rows = [
        {"image": first, "image_id": 1, "question_id": 1000, "question": "what is it?"},
        {"image": first, "image_id": 1, "question_id": 1001, "question": "Is it new?"},
        {"image": second, "image_id": 2, "question_id": 2000, "question": "what is it?"},
        {"image": second, "image_id": 2, "question_id": 2001, "question": "Who?"},
    ]
    answers = [told, told, told, None]
    rows = [{**row, "answers": votes} for row, votes in zip(rows, answers, strict=True)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "validation-00000-of-00001.parquet")
