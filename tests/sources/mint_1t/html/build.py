from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WEB = "https://pics.example/%s.jpg"


def build(folder: Path) -> None:
    rows = [
        {
            "images": [WEB % "a", None],
            "texts": [None, "Words."],
            "url": "https://site.example/q",
            "next_line": {"n_words": 1},
        }
    ]
    (folder / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "data/0.parquet")
