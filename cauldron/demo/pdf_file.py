"""A small PDF writer for the demo: Helvetica text and JPEG pictures at fixed places.

Written by hand so that equal pages give equal bytes, whatever PDF library is installed, and so that
reading is tested on bytes which the reader's own library has not made.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

WIDTH, HEIGHT = 612, 792  # points, US Letter
_FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text: left end and baseline in points from the upper left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A JPEG picture and its box in points: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float
    jpeg: bytes


Page = Sequence[Line | Figure]


def pdf(pages: Sequence[Page]) -> bytes:
    """Return a PDF file of pages."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    for name in _FONTS.values():
        kind = f"/Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding"
        objects.append(f"<< {kind} >>".encode())
    kids = []
    for page in pages:
        pictures = [item for item in page if isinstance(item, Figure)]
        first = len(objects) + 1
        objects += [_picture(figure) for figure in pictures]
        objects.append(_stream("", _drawn(page)))
        named = " ".join(f"/Im{k} {first + k} 0 R" for k in range(len(pictures)))
        resources = f"<< /Font << /F1 3 0 R /F2 4 0 R >> /XObject << {named} >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
            f"/Resources {resources} /Contents {len(objects)} 0 R >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _file(objects)


def _drawn(page: Page) -> bytes:
    """Return the drawing operators of a page; PDF measures from the lower left corner."""
    out, number = [], 0
    for item in page:
        if isinstance(item, Line):
            font = "F2" if item.bold else "F1"
            shown = item.text.encode("cp1252", "replace")
            for mark in (b"\\", b"(", b")"):
                shown = shown.replace(mark, b"\\" + mark)
            place = f"1 0 0 1 {item.x:.2f} {HEIGHT - item.y:.2f} Tm"
            out.append(f"BT /{font} {item.size:g} Tf {place} (".encode() + shown + b") Tj ET")
        else:
            box = f"{item.width:.2f} 0 0 {item.height:.2f} {item.x:.2f}"
            bottom = HEIGHT - item.y - item.height
            out.append(f"q {box} {bottom:.2f} cm /Im{number} Do Q".encode())
            number += 1
    return b"\n".join(out)


def _picture(figure: Figure) -> bytes:
    with Image.open(io.BytesIO(figure.jpeg)) as image:
        width, height = image.size
        space = "DeviceGray" if image.mode == "L" else "DeviceRGB"
    return _stream(
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /{space} "
        "/BitsPerComponent 8 /Filter /DCTDecode ",
        figure.jpeg,
    )


def _stream(entries: str, payload: bytes) -> bytes:
    head = f"<< {entries}/Length {len(payload)} >>\nstream\n".encode()
    return head + payload + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())
