"""Parquet of the hub's own conversion: columns are members of the tars."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

ROWS = [
    {
        "__key__": f"00000000{k}",
        "__url__": "000000.tar",
        "jpg": {"bytes": picture((40, 90, 30 + k), "JPEG"), "path": None},
        "json": {"ocr_annotation": {"text": [f"line {k}", "and another"]}},
    }
    for k in range(2)
]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "default/partial-train/0000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
