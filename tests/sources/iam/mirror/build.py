"""A row of a Parquet mirror of IAM sentences."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    row = {"image": {"bytes": picture((240, 240, 240)), "path": None}, "text": "A MOVE to stop ."}
    pq.write_table(pa.Table.from_pylist([row]), folder / "train-00000-of-00001.parquet")
