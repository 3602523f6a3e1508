"""Rows as the two copies have them: values as they are, and every value as JSON."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CELLS = [["", "2011", "2016"], ["farms", "1,400", "1,500"], ["shops", "12", "15"]]


def build(folder: Path) -> None:
    plain = [
        {"id": "a1", "table_id": "7", "question": "how many farms in 2016?", "answer": ["1500.0"]},
        {"id": "a2", "table_id": "7", "question": "and shops?", "answer": ["12", "15"]},
    ]
    rows = [{**row, "table": {"cells": CELLS}} for row in plain]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00002.parquet")
    table = {"texts": CELLS, "merged_regions": [], "top_header_rows_num": 1, "title": "Places"}
    told = {
        "id": "b1",
        "table_id": "8_x",
        "question": "which rose most?",
        "answer": json.dumps(["farms", 100.0]),
        "table_content": json.dumps(table),
    }
    written = [
        {name: json.dumps(value) if name == "question" else value for name, value in told.items()}
    ]
    pq.write_table(pa.Table.from_pylist(written), folder / "train-00001-of-00002.parquet")
