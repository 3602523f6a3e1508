"""A tar whose members stand in no order, faults in it, and a second tar with a key again."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from cauldron.demo.pdf_file import Line, pdf


def told(*pages: list[str], level: bool = True) -> bytes:
    """Return the JSON of a document: lines at the level of PDFA, or flat as older files have it."""
    out: list[dict[str, Any]] = []
    for lines in pages:
        boxes = [[0.1, 0.1, 0.5, 0.02]] * len(lines)
        flat = {"text": lines, "bbox": boxes, "score": [1.0] * len(lines)}
        words = {"text": [w for line in lines for w in line.split()]}
        out.append({"words": words, "lines": flat, "images_bbox": []} if level else flat)
    return json.dumps({"pages": out}).encode()


def file(*texts: str) -> bytes:
    """Return a PDF with a line on each page."""
    return pdf([[Line(x=60, y=100, text=text)] for text in texts])


def build(folder: Path) -> None:
    """Write the tars."""
    by_words = {"text": ["read", "by", "words"], "line_pos": [[0, 0], [0, 1], [1, 0]]}
    write(
        folder / "pdfa-eng-train-0000.tar",
        {
            "0000001.json": told(["One line,", "another line."], [], ["Third page."]),
            "0000002.json": told(["Flat lines."], level=False),
            "0000001.pdf": file("One line,", " ", "Third page."),
            "0000003.pdf": file("No text beside me."),
            "0000002.pdf": file("Flat lines."),
            "0000004.json": told(["No file beside me."]),
            "0000005.json": b'{"pages": [{"lines": 7}]}',
            "0000005.pdf": file("Told wrongly."),
            "0000006.json": told(["First."], ["A page that is not there."]),
            "0000006.pdf": file("First."),
            "0000007.json": told(["Not a PDF."]),
            "0000007.pdf": b"<html>gone</html>",
            "0000008.json": json.dumps({"pages": [{"words": by_words}]}).encode(),
            "0000008.pdf": file("read by words"),
            "0000009.json": b'{"pages": []}',
            "0000009.pdf": file("No pages."),
        },
    )
    again = {"0000002.pdf": file("x"), "0000002.json": told(["x"])}
    write(folder / "pdfa-eng-train-0001.tar", again)
    (folder / "_pdfa-english-train-info-minimal.json").write_text('{"shardlist": []}')


def write(path: Path, members: dict[str, bytes]) -> None:
    """Write a tar of files."""
    with tarfile.open(path, "w") as tar:
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
