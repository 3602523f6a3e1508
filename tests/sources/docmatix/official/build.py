"""Documents of pages with questions; one of them without pages, one with a long answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture


def cell(number: int) -> dict[str, Any]:
    """Return a page."""
    return {"bytes": picture((number, 90, 20)), "path": None}


def asked(key: str, *pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Return the questions on a document."""
    return [{"user": q, "assistant": a, "source": f"PDFA key: {key}"} for q, a in pairs]


def build(folder: Path) -> None:
    """Write the file."""
    first = asked("1234567", ("Who signed it?", "A. Smith"), ("When?", "In 1987."))
    rows = [
        {"images": [cell(1), cell(2)], "texts": first},
        {"images": [cell(3)], "texts": asked("7654321", ("Summarise.", "word " * 200))},
        {"images": [], "texts": asked("0000003", ("What?", "Nothing."))},
        {"images": [cell(4)], "texts": []},
    ]
    path = folder / "data/train-00000-of-01106.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
