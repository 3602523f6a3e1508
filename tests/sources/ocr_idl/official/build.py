"""One tar: flat lines with their scores, an older text beside them, a fax of two pages."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from PIL import Image

from cauldron.demo.pdf_file import Line, pdf


def fax(pages: int) -> bytes:
    """Return a TIFF of pages in CCITT group 4."""
    frames = [Image.new("1", (850, 1100), 1) for _ in range(pages)]
    for number, frame in enumerate(frames):
        frame.paste(0, (100, 100, 400, 130 + 40 * number))
    out = io.BytesIO()
    frames[0].save(
        out, "TIFF", compression="group4", save_all=True, append_images=frames[1:], dpi=(100, 100)
    )
    return out.getvalue()


def told(*pages: list[tuple[str, float]]) -> bytes:
    """Return the JSON of a document."""
    found = [
        {
            "text": [line for line, _ in lines],
            "score": [score for _, score in lines],
            "bbox": [[0.1, 0.1, 0.5, 0.02] for _ in lines],
            "poly": [[{"X": 0.1, "Y": 0.1}] * 4 for _ in lines],
        }
        for lines in pages
    ]
    return json.dumps({"pages": found}).encode()


def build(folder: Path) -> None:
    """Write the tar."""
    pages = [[Line(x=60, y=100, text="MEMORANDUM")], [Line(x=60, y=100, text="page 2")]]
    members = {
        "klpb0135.json": told([("MEMORANDUM", 0.99), ("~;i.", 0.2)], [("page 2", 97.5)]),
        "klpb0135.ocr": b"\xef\xbb\xbfMEMO RANDUM\r\n\r\nold text\r\n\x0cpage two\r\n\x0c",
        "klpb0135.pdf": pdf(pages),
        "klpb0135.tif": fax(2),
        "nklf0001.json": told([]),
        "nklf0001.pdf": pdf([[]]),
        "xxbb0004.ocr": b"alone",
    }
    with tarfile.open(folder / "idl-train-00000.tar", "w") as tar:
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
