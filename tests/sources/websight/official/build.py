"""A shard of v0.2, and one of v0.1 that must not be read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

HTML = """<html>
<link href="https://cdn.example/tailwind.css" rel="stylesheet">
  <body>
&amp; {}</body>
</html>
"""
ROWS = [
    {
        "image": {"bytes": picture((40, 90, 30 + k)), "path": None},
        "text": HTML.format(k) if k < 2 else "",
        "llm_generated_idea": f"Bakery {k}",
    }
    for k in range(3)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "v0.2/train-00000-of-00738-abc.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, path)
    older = folder / "v0.1/train-00000-of-00200-abc.parquet"
    older.parent.mkdir(parents=True)
    pq.write_table(table.drop_columns("llm_generated_idea"), older)
