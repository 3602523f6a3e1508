"""Puzzles in the layout of the Parquet mirror: a folder a figure layout, panels as pictures."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def panel(grey: int, side: int = 160) -> dict[str, object]:
    out = io.BytesIO()
    Image.new("L", (side, side), grey).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": None}


def puzzle(number: int, target: int, choices: int = 8) -> dict[str, object]:
    return {
        "panels": [panel(20 * n) for n in range(8)],
        "choices": [panel(255 - 20 * n) for n in range(choices)],
        "structure": ["Scene", "Singleton"],
        "target": target,
        "id": number,
        "metadata": "<Data/>",
    }


def build(folder: Path) -> None:
    rows = [puzzle(0, 3), puzzle(1, 5), puzzle(2, 1, choices=7), puzzle(3, 8)]
    (folder / "center_single").mkdir()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "center_single" / "train-00000-of-00001.parquet")
