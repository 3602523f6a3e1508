"""One PDF page through MuPDF: its lines of text, its class, and what is painted on it.

All calls into PyMuPDF stand here and in `pdf_figures`. Boxes are in points from the upper left
corner of the page, turned so that most of its text runs from left to right.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pymupdf

from cauldron.media.limits import LIMITS
from cauldron.media.pdf_parts import Box, TextLine
from cauldron.media.png import encode

RENDER_DPI = 150
MAX_RENDER_SIDE = 2_048
MAX_RENDER_PIXELS = 16_000_000
SCAN_COVER = 0.8
"""A picture over this share of the page is the page itself."""
MIN_OCR_LETTERS = 20
GLUED_WORD_LETTERS = 25
WORD_GAP_EM = 0.1
_ALEFS = "\u0622\u0623\u0625\u0627"
_LAM_ALEF = re.compile(f"[{_ALEFS}]\u0644")
_GLUED = re.compile(r"[\x21-\x7e]*?[a-z]{4}[A-Za-z(),.;:%<>\[\]0-9-]{12,}")

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


def text_blocks(page: pymupdf.Page) -> list[dict[str, Any]]:
    """Return the blocks of text of a page, and turn the page so that most letters stand upright.

    A page without text stays as it is.
    """
    blocks: list[dict[str, Any]] = page.get_text("dict", flags=_FLAGS)["blocks"]
    letters: Counter[int] = Counter()
    for _, line in _lines(blocks):
        across, down = line["dir"]
        turn = (0 if across > 0 else 180) if abs(across) >= abs(down) else 90 + 180 * (down > 0)
        letters[turn] += sum(len(span["text"].strip()) for span in line["spans"])
    if letters.total():
        page.set_rotation(max(sorted(letters), key=letters.__getitem__))
    return blocks


def text_lines(page: pymupdf.Page, blocks: list[dict[str, Any]]) -> tuple[list[TextLine], int]:
    """Return the horizontal lines of a turned page, and the number of lines that run otherwise."""
    told = [span["text"] for _, line in _lines(blocks) for span in line["spans"]]
    glued = any(map(_is_glued, told))
    if glued or any(map(_LAM_ALEF.search, told)):
        blocks = page.get_text("rawdict", flags=_FLAGS)["blocks"]
    turn = Turn.of(page)
    lines, others = [], 0
    for block, line in _lines(blocks):
        text = "".join(
            span["text"] if "text" in span else _letters(span, glued) for span in line["spans"]
        )
        if not text.strip():
            continue
        if not turn.is_forward(line["dir"]):
            others += 1
            continue
        size, font = _type_of(line["spans"])
        box = turn.box(line["bbox"])
        lines.append(TextLine(block=block, box=box, size=size, text=text, font=font))
    return lines, others


def _type_of(spans: list[dict[str, Any]]) -> tuple[float, str]:
    """Return size and font in which most letters of a line are set."""
    letters: Counter[tuple[float, str]] = Counter()
    for span in spans:
        shown = len(span["text"].strip()) if "text" in span else len(span["chars"])
        letters[round(span["size"], 2), span["font"]] += shown
    return max(letters, key=lambda kind: (letters[kind], kind))


def _lines(blocks: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(n, line) for n, block in enumerate(blocks) for line in block.get("lines", ())]


@dataclass(frozen=True, slots=True)
class Turn:
    """The map from the coordinates in which MuPDF reports boxes to those of the turned page."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @classmethod
    def of(cls, page: pymupdf.Page) -> Turn:
        """Return the map of a page as it is turned now."""
        matrix = page.rotation_matrix
        return cls(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)

    def box(self, box: Any) -> Box:
        """Return where a box lies on the turned page."""
        x0, y0, x1, y1 = box
        one = (self.a * x0 + self.c * y0 + self.e, self.b * x0 + self.d * y0 + self.f)
        two = (self.a * x1 + self.c * y1 + self.e, self.b * x1 + self.d * y1 + self.f)
        return (min(one[0], two[0]), min(one[1], two[1]), max(one[0], two[0]), max(one[1], two[1]))

    def is_forward(self, direction: tuple[float, float]) -> bool:
        """Say whether a direction runs from left to right on the turned page."""
        across = self.a * direction[0] + self.c * direction[1]
        down = self.b * direction[0] + self.d * direction[1]
        return across > 0 and abs(across) >= abs(down)


def _is_glued(text: str) -> bool:
    """Say whether a text holds a word that is too long to be one, and is no address."""
    return any(len(w) >= GLUED_WORD_LETTERS and _GLUED.fullmatch(w[:80]) for w in text.split())


def _letters(span: dict[str, Any], glued: bool) -> str:
    """Return the letters of a span: those of one glyph of lam and alef in their order.

    MuPDF tells such a glyph as the alef, without width, and then the lam.
    """
    chars: list[Any] = []
    alef = None
    for char in span["chars"]:
        if alef and char["c"] == "\u0644":
            chars[-1:] = [char, alef]
            alef = None
            continue
        chars.append(char)
        flat = char["bbox"][2] - char["bbox"][0] < 0.01 * span["size"]
        alef = char if flat and char["c"] in _ALEFS else None
    return _spaced({**span, "chars": chars}) if glued else "".join(char["c"] for char in chars)


def _spaced(span: dict[str, Any]) -> str:
    """Return the letters of a span with blanks where the gap is as wide as one.

    What all its letters have between them, as in a spaced heading, is no part of a gap.
    """
    chars = span["chars"]
    if not chars:
        return ""
    gaps = [_gap(last["bbox"], char["bbox"]) for last, char in pairwise(chars)]
    widest = WORD_GAP_EM * span["size"] + max(median(gaps), 0.0) if gaps else 0.0
    out: list[str] = [chars[0]["c"]]
    for char, gap in zip(chars[1:], gaps, strict=True):
        if gap > widest and out[-1] != " " and char["c"] != " " and char["c"] < "\u2e80":
            out.append(" ")
        out.append(char["c"])
    return "".join(out)


def _gap(last: Box, box: Box) -> float:
    return max(box[0] - last[2], last[0] - box[2])


def painted_pictures(page: pymupdf.Page) -> list[Painted]:
    """Return the pictures that are really painted, those inside the page's own code included."""
    found = []
    turn = Turn.of(page)
    for image in page.get_image_info(xrefs=True):
        matrix = pymupdf.Matrix(*image["transform"]) * page.rotation_matrix
        found.append(
            Painted(
                box=turn.box(image["bbox"]),
                width=image["width"],
                height=image["height"],
                xref=image.get("xref", 0),
                masked=bool(image.get("has-mask")),
                upright=matrix.a > 0 and matrix.d > 0 and abs(matrix.b) + abs(matrix.c) < 0.01,
            )
        )
    return found


def ink_boxes(page: pymupdf.Page) -> list[tuple[str, Box]]:
    """Return kind (`path`, `image`, `shade`) and box of everything painted that is not text."""
    kinds = {"fill-path": "path", "stroke-path": "path", "fill-shade": "shade"}
    kinds |= {"fill-image": "image", "fill-imgmask": "image"}
    turn = Turn.of(page)
    return [(kinds[name], turn.box(box)) for name, box, *_ in page.get_bboxlog() if name in kinds]


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


def scale_of(
    page: pymupdf.Page,
    pictures: list[Painted],
    box: pymupdf.Rect,
    dpi: int = RENDER_DPI,
    max_side: int = MAX_RENDER_SIDE,
) -> float:
    """Return pixels a point: `dpi` or the largest picture's own, within side and area limits.

    Args:
        pictures: those on the page; none where their own scale shall not count.
    """
    scale = dpi / 72
    inside = [p for p in pictures if p.allowed and abs(pymupdf.Rect(p.box) & box) > 0]
    if inside:
        largest = pymupdf.Rect(max(inside, key=lambda p: abs(pymupdf.Rect(p.box))).box)
        picture = max(inside, key=lambda p: abs(pymupdf.Rect(p.box)))
        sides = sorted((picture.width, picture.height))
        points = sorted((largest.width, largest.height))
        scale = max(scale, min(side / max(p, 1.0) for side, p in zip(sides, points, strict=True)))
    width, height = max(box.width, 1e-3), max(box.height, 1e-3)
    scale = min(scale, max_side / max(width, height))
    return float(min(scale, (MAX_RENDER_PIXELS / (width * height)) ** 0.5))


def render(
    page: pymupdf.Page,
    scale: float,
    box: pymupdf.Rect | None = None,
    *,
    grey: bool = False,
    jpeg: int = 0,
) -> tuple[bytes, int, int]:
    """Render a page or a part of it, without annotations; return its bytes and size in pixels.

    Args:
        jpeg: quality of a JPEG; 0 for PNG.
    """
    matrix = pymupdf.Matrix(scale, scale)
    space = pymupdf.csGRAY if grey else pymupdf.csRGB
    pixels = page.get_pixmap(matrix=matrix, clip=box, colorspace=space, alpha=False, annots=False)
    width, height = pixels.width, pixels.height
    if jpeg:
        return pixels.tobytes("jpeg", jpg_quality=jpeg), width, height
    return encode(pixels.samples_mv, width, height, pixels.n), width, height
