"""Files with questions; one is no PDF."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.demo.pdf_file import Line, pdf


def build(folder: Path) -> None:
    """Write the file."""
    page = [Line(x=60, y=100, text="Invoice 17")]
    texts = [{"user": "Which number?", "assistant": "17", "source": "PDFA key: 0000001"}]
    rows = [
        {"pdf": pdf([page, page]), "texts": texts},
        {"pdf": b"gone", "texts": texts},
        {"pdf": None, "texts": texts},
    ]
    path = folder / "pdf/train-00000-of-00089.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
