"""Adds the Parquet file of the case, whose cells hold pictures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(shade: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": picture((shade, 90, 160)), "path": path}


def build(folder: Path) -> None:
    row = {"image_id": "00aa", "annotator_id": 7, "dataset_id": "open_images_test"}
    told = [{**row, "caption": "In this image there is a dog.", "image": cell(10)}]
    told.append({**row, "annotator_id": 8, "caption": "A dog lies here.", "image": cell(10)})
    pq.write_table(pa.Table.from_pylist(told), folder / "test-00000-of-00001.parquet")
