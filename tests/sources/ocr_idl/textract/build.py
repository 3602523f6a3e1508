"""Raw answers of Textract beside PDF files: one answer, and a list of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cauldron.demo.pdf_file import Line, pdf


def line(page: int, text: str) -> dict[str, Any]:
    """Return a block of a line."""
    box = {"Left": 0.1, "Top": 0.1, "Width": 0.5, "Height": 0.02}
    return {
        "BlockType": "LINE",
        "Page": page,
        "Text": text,
        "Confidence": 98.7,
        "Geometry": {"BoundingBox": box},
    }


def answer(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Return an answer for a document of two pages."""
    return {"DocumentMetadata": {"Pages": 2}, "Blocks": [{"BlockType": "PAGE"}, *blocks]}


def build(folder: Path) -> None:
    """Write the files."""
    file = pdf([[Line(x=60, y=100, text="Dear Sir")], [Line(x=60, y=100, text="Yours")]])
    one = answer(line(1, "Dear Sir"), line(1, "we thank you"))
    two = [answer(line(1, "Dear Sir")), answer(line(2, "Yours"))]
    for name, told in (("docs/one", one), ("docs/two", two)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(told))
        (folder / f"{name}.pdf").write_bytes(file)
