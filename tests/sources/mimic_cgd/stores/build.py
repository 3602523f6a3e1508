"""Adds the project's picture stores: base64 in JSON, as older ones have it, and in Parquet."""

import base64
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    plain = base64.b64encode(picture((9, 9, 9), "JPEG")).decode()
    other = base64.urlsafe_b64encode(picture((25, 90, 160), "JPEG")).decode().rstrip("=")
    store = {
        "CGD_IMG_000000000009": plain,
        "CGD_IMG_000000000025": f"data:image/jpeg;base64,{other}",
        "CGD_IMG_000000000052": "no base64 at all!",
    }
    (folder / "CGD" / "CGD.json").write_text(json.dumps(store))
    shown = base64.b64encode(picture((30, 30, 200), "JPEG")).decode()
    table = pa.table({"base64": [shown], "__index_level_0__": ["000000000030"]})
    pq.write_table(table, folder / "CGD" / "CGD.parquet")
