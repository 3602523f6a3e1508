"""Adds the Parquet file of the case, in the shape of the hub's own conversion."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def build(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "rows.txt").read_text().splitlines()]
    (folder / "main" / "wikisql").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "main" / "wikisql" / "0000.parquet")
