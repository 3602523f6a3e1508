from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WEB = "https://pics.example/%s.jpg"


def build(folder: Path) -> None:
    about = [
        None,
        {"aesthetic_prob": 0.5, "width": 320, "p_hash": "ff"},
        None,
        {"aesthetic_prob": 0.1, "width": 10, "p_hash": "00"},
    ]
    page = {"url": "https://site.example/p", "id": "x", "domain": ["site"], "porn_prob": 0.01}
    rows = [
        {
            "images": [None, WEB % "a", None, WEB % "gone"],
            "texts": ["One.", None, "Two.", None],
            "metadata": about,
            "general_metadata": page,
        },
        {
            "images": [None, WEB % "gone"],
            "texts": ["Alone.", None],
            "metadata": about[:2],
            "general_metadata": page,
        },
    ]
    (folder / "CC-MAIN-2020-05").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "CC-MAIN-2020-05/part-0.parquet")
