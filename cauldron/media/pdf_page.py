"""One PDF page through MuPDF: its lines of text, its class, and what is painted on it.

All calls into PyMuPDF stand here and in `pdf_figures`. Boxes are in points from the upper left
corner of the page, turned so that most of its text runs from left to right.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pymupdf

from cauldron.media.limits import LIMITS
from cauldron.media.pdf_layout import Box, TextLine

RENDER_DPI = 150
MAX_RENDER_SIDE = 2_048
MAX_RENDER_PIXELS = 16_000_000
SCAN_COVER = 0.8
"""A picture over this share of the page is the page itself."""
MIN_OCR_LETTERS = 20
GLUED_WORD_LETTERS = 25
WORD_GAP_EM = 0.1

_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
_UNKNOWN = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A picture as painted: its box, size in pixels, number in the file (0: inside the page)."""

    box: Box
    width: int
    height: int
    xref: int
    masked: bool
    upright: bool

    @property
    def allowed(self) -> bool:
        """Whether its declared size may be decoded."""
        return self.width * self.height <= LIMITS.max_pixels


def upright(page: pymupdf.Page) -> None:
    """Turn a page so that most of its letters stand upright; one without text stays as it is."""
    letters: Counter[int] = Counter()
    for block in page.get_text("dict", flags=_FLAGS)["blocks"]:
        for line in block.get("lines", ()):
            across, down = line["dir"]
            turn = (0 if across > 0 else 180) if abs(across) >= abs(down) else 90 + 180 * (down > 0)
            letters[turn] += sum(len(span["text"].strip()) for span in line["spans"])
    if letters.total():
        page.set_rotation(max(sorted(letters), key=letters.__getitem__))


def text_lines(page: pymupdf.Page) -> tuple[list[TextLine], int]:
    """Return the horizontal lines of a turned page, and the number of lines that run otherwise."""
    found = page.get_text("dict", flags=_FLAGS)["blocks"]
    if any(_is_glued(span["text"]) for _, line in _lines(found) for span in line["spans"]):
        found = page.get_text("rawdict", flags=_FLAGS)["blocks"]
    lines, turned = [], 0
    for block, line in _lines(found):
        text = "".join(span["text"] if "text" in span else _spaced(span) for span in line["spans"])
        if not text.strip():
            continue
        start = pymupdf.Point(0, 0) * page.rotation_matrix
        ahead = pymupdf.Point(*line["dir"]) * page.rotation_matrix - start
        if abs(ahead.y) > abs(ahead.x) or ahead.x < 0:
            turned += 1
            continue
        size = max(span["size"] for span in line["spans"])
        box = _turned(page, line["bbox"])
        lines.append(TextLine(block=block, box=box, size=round(size, 2), text=text))
    return lines, turned


def _lines(blocks: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(n, line) for n, block in enumerate(blocks) for line in block.get("lines", ())]


def _is_glued(text: str) -> bool:
    return any(len(w) >= GLUED_WORD_LETTERS and w.isalnum() and w.isascii() for w in text.split())


def _spaced(span: dict[str, Any]) -> str:
    """Return the letters of a span with blanks where the gap is as wide as one."""
    out: list[str] = []
    last: Box | None = None
    for char in span["chars"]:
        box = char["bbox"]
        if last and out[-1] != " " and char["c"] != " " and char["c"] < "\u2e80":
            gap = max(box[0] - last[2], last[0] - box[2])
            if gap > WORD_GAP_EM * span["size"]:
                out.append(" ")
        out.append(char["c"])
        last = box
    return "".join(out)


def _turned(page: pymupdf.Page, box: Any) -> Box:
    turned = pymupdf.Rect(box) * page.rotation_matrix
    return (turned.x0, turned.y0, turned.x1, turned.y1)


def painted_pictures(page: pymupdf.Page) -> list[Painted]:
    """Return the pictures that are really painted, those inside the page's own code included."""
    found = []
    for image in page.get_image_info(xrefs=True):
        matrix = pymupdf.Matrix(*image["transform"]) * page.rotation_matrix
        found.append(
            Painted(
                box=_turned(page, image["bbox"]),
                width=image["width"],
                height=image["height"],
                xref=image["xref"],
                masked=bool(image.get("has-mask")),
                upright=matrix.a > 0 and matrix.d > 0 and abs(matrix.b) + abs(matrix.c) < 0.01,
            )
        )
    return found


def ink_boxes(page: pymupdf.Page) -> list[tuple[str, Box]]:
    """Return kind (`path`, `image`, `shade`) and box of everything painted that is not text."""
    kinds = {"fill-path": "path", "stroke-path": "path", "fill-shade": "shade"}
    kinds |= {"fill-image": "image", "fill-imgmask": "image"}
    return [
        (kinds[name], _turned(page, box)) for name, box, *_ in page.get_bboxlog() if name in kinds
    ]


def page_class(
    page: pymupdf.Page, lines: list[TextLine], pictures: list[Painted], ink: bool
) -> str:
    """Return `digital`, `scanned_with_ocr`, `scanned` or `blank`."""
    letters = sum(c.isalnum() for line in lines for c in line.text if c != _UNKNOWN)
    whole = abs(page.rect) or 1.0
    covered = sum(abs(pymupdf.Rect(p.box) & page.rect) for p in pictures)
    if covered >= SCAN_COVER * whole:
        return "scanned_with_ocr" if letters >= MIN_OCR_LETTERS else "scanned"
    if letters:
        return "digital"
    return "scanned" if pictures or ink else "blank"


def scale_of(page: pymupdf.Page, pictures: list[Painted], box: pymupdf.Rect) -> float:
    """Return pixels a point: 150 dpi or the largest picture's own, within side and area limits."""
    scale = RENDER_DPI / 72
    inside = [p for p in pictures if p.allowed and abs(pymupdf.Rect(p.box) & box) > 0]
    if inside:
        largest = pymupdf.Rect(max(inside, key=lambda p: abs(pymupdf.Rect(p.box))).box)
        picture = max(inside, key=lambda p: abs(pymupdf.Rect(p.box)))
        sides = sorted((picture.width, picture.height))
        points = sorted((largest.width, largest.height))
        scale = max(scale, min(side / max(p, 1.0) for side, p in zip(sides, points, strict=True)))
    width, height = max(box.width, 1e-3), max(box.height, 1e-3)
    scale = min(scale, MAX_RENDER_SIDE / max(width, height))
    return float(min(scale, (MAX_RENDER_PIXELS / (width * height)) ** 0.5))


def render(
    page: pymupdf.Page, scale: float, box: pymupdf.Rect | None = None
) -> tuple[bytes, int, int]:
    """Render a page or a part of it, without annotations; return PNG bytes and size in pixels."""
    matrix = pymupdf.Matrix(scale, scale)
    pixels = page.get_pixmap(matrix=matrix, clip=box, alpha=False, annots=False)
    data: bytes = pixels.tobytes("png")
    return data, pixels.width, pixels.height
