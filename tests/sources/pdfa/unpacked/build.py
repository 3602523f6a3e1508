"""Files of equal name in two folders."""

from __future__ import annotations

import json
from pathlib import Path

from cauldron.demo.pdf_file import Line, pdf


def build(folder: Path) -> None:
    """Write the files."""
    for name, text in (("a/report.v2", "A report."), ("a/report", "The first."), ("b/report", "B")):
        (folder / name).parent.mkdir(exist_ok=True)
        told = {"pages": [{"lines": {"text": [text]}}, {}]}
        (folder / f"{name}.json").write_text(json.dumps(told))
        data = pdf([[Line(x=60, y=100, text=text)], []])
        (folder / f"{name}.pdf").write_bytes(data)
    (folder / "b/lonely.json").write_text('{"pages": []}')
