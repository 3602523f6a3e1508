"""Both configs of the mirror: instructions, and pictures by their ids."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def build(folder: Path) -> None:
    asked = {"id": "CGD_INS_1", "instruction": "What differs?", "answer": "The dog is gone."}
    pair = ["CGD_IMG_000000000025", "CGD_IMG_000000000009"]
    instructions = [{**asked, "images": pair, "related_instructions": []}]
    pictures = [
        {"id": f"CGD_IMG_{number:012d}", "image": {"bytes": picture((number, 9, 9)), "path": None}}
        for number in (9, 25)
    ]
    for config, rows in (("CGD_Instructions", instructions), ("CGD_Images", pictures)):
        (folder / config).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / config / "train-00000-of-00001.parquet")
