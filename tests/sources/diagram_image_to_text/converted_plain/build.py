"""The hub's own conversion."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

ROWS = [{"image": {"bytes": picture((40, 90, 30)), "path": "1.png"}, "text": "A leads to B."}]


def build(folder: Path) -> None:
    """Write the Parquet files."""
    path = folder / "default/train/0000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
