"""A row of the Parquet mirror of A-OKVQA, where the direct answers are one printed list."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    row = {
        "image": {"bytes": picture((9, 90, 200), "JPEG"), "path": None},
        "question_id": "q01",
        "question": "What is it?",
        "choices": ["kite", "bird"],
        "correct_choice_idx": 1,
        "direct_answers": "['bird', 'a bird']",
        "difficult_direct_answer": False,
        "rationales": [],
    }
    pq.write_table(pa.Table.from_pylist([row]), folder / "train-00000-of-00001.parquet")
