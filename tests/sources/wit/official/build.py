"""A packed table: English and German rows, texts in three columns, a drawing."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from tests.stores import store

COLUMNS = (
    "language page_url image_url page_title section_title hierarchical_section_title "
    "caption_reference_description caption_attribution_description caption_alt_text_description "
    "mime_type original_height original_width is_main_image attribution_passes_lang_id "
    "page_changed_recently context_page_description context_section_description"
).split()


def row(number: int, **fields: str) -> dict[str, str]:
    """Return a row."""
    return {
        "language": "en",
        "page_url": "https://en.wikipedia.example/wiki/Oxydactylus",
        "image_url": f"https://upload.example/{number}.jpg",
        "page_title": "Oxydactylus",
        "mime_type": "image/jpeg",
        "context_page_description": 'He said "two\tcolumns"\nand a line',
        **fields,
    }


def build(folder: Path) -> None:
    """Write table and store."""
    rows = [
        row(0, caption_reference_description="Mounted skeleton", is_main_image="true"),
        row(1, caption_attribution_description="English: Mounted skeleton of it"),
        row(2, language="de", caption_reference_description="Ein Skelett"),
        row(3),
        row(4, caption_alt_text_description="a map", mime_type="image/svg+xml"),
        row(5, caption_alt_text_description="not stored"),
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    payload = gzip.compress(out.getvalue().encode(), mtime=0)
    (folder / "wit_v1.train.all-00000-of-00010.tsv.gz").write_bytes(payload)
    store(folder / "store/00000.tar", [f"https://upload.example/{n}.jpg" for n in range(5)])
