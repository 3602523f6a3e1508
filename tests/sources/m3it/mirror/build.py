from __future__ import annotations

import base64
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    held = base64.b64encode(picture((10, 90, 20), "JPEG")).decode()
    row = {
        "instruction": "Say it.",
        "inputs": "Who?",
        "image_base64_str": [held],
        "outputs": "Ann.",
    }
    (folder / "vqa").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), folder / "vqa/train-00000-of-00001.parquet")
