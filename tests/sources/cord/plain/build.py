"""A receipt whose keys are not sorted, one without content, one that is cut off."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

CELL = {"bytes": picture(), "path": "r.png"}
GOOD = (
    '{"gt_parse": {"menu": [{"nm": "T\\u00e9 & \\"Co\\"", "cnt": "1"}], '
    '"total": {"total_price": "5,000"}}, "meta": {}}'
)
ROWS = [{"image": CELL, "ground_truth": told} for told in (GOOD, '{"meta": {}}', GOOD[:20])]


def build(folder: Path) -> None:
    """Write the file."""
    path = folder / "data/train-00000-of-00004.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), path)
