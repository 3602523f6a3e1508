"""Pages of a PDF to one document: furniture out, paragraphs whole, figures at their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from cauldron.media.pdf import PdfPage
from cauldron.media.pdf_layout import (
    CELL,
    Block,
    Figure,
    TextLine,
    blocks_in_order,
    bounds,
    is_caption,
)
from cauldron.media.pdf_text import clean, continues, joined, paragraphs, words_of

BAND_SHARE = 0.2
"""Heads and feet stand in the upper and lower part of the page of this height."""
_MAX_BAND_LINES = 3
_MIN_PAGES = 3
_NUMBER = re.compile(
    r"[-–—\[(]?\s*(?:page|seite|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of|von|sur|de)\s*\d{1,4})?"
    r"\s*[-–—\])]?",
    re.IGNORECASE,
)
_PRINT_STAMP = re.compile(
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},? \d{1,2}:\d{2}.*|(?:https?|file)://\S+.*\d+/\d+", re.I
)


def interleaved(pages: Sequence[PdfPage]) -> tuple[list[str | Figure], dict[str, int]]:
    """Return texts and figures of a document in reading order, and counted remarks.

    A page whose text cannot be used gives nothing but a remark.
    """
    notes: Counter[str] = Counter()
    repeated = _repeated_lines(pages)
    furniture = _repeated_figures(pages)
    known = words_of(line for page in pages if page.has_text for line in page.lines)
    out: list[str | Figure] = []
    for page in pages:
        notes.update(_remarks(page))
        if not page.has_text:
            if page.picture is not None:
                out.append(_scan(page))
            continue
        lines = _without_furniture(page, repeated)
        notes["furniture_line"] += len(page.lines) - len(lines)
        figures = [figure for figure in page.figures if figure.data not in furniture]
        notes["furniture_figure"] += len(page.figures) - len(figures)
        for block in blocks_in_order(lines, figures, page.width):
            _append(out, block, known)
    return _texts_joined(out), {name: number for name, number in sorted(notes.items()) if number}


def _scan(page: PdfPage) -> Figure:
    """Return a page that is only a picture as a figure of the document."""
    assert page.picture is not None
    width, height = page.size
    box = (0.0, 0.0, page.width, page.height)
    return Figure(
        box=box, width=width, height=height, kind="rendered", data=page.picture, page=page.number
    )


def transcript(page: PdfPage) -> str:
    """Return the text of a page as printed: line by line, heads and feet included."""
    blocks = blocks_in_order(list(page.lines), [], page.width)
    texts = ["\n".join(filter(None, map(_line, block.lines))) for block in blocks]
    return "\n\n".join(filter(None, texts))


def _line(line: TextLine) -> str:
    text = line.text.replace(CELL, " ") if line.cells else line.text
    return " ".join(clean(text).replace("\u00ad", "-").split())


def _remarks(page: PdfPage) -> dict[str, int]:
    remarks = {
        "turned_line": page.turned,
        "garbled_line": page.unreadable,
        "image_too_large": page.too_large,
    }
    if not page.has_text:
        name = {"blank": "page_blank", "damaged": "page_damaged"}.get(page.kind)
        remarks[name or "page_without_text"] = 1
        if page.detail.startswith("ocr_"):
            remarks[page.detail] = 1
    return remarks


def _append(out: list[str | Figure], block: Block, known: set[str]) -> None:
    if block.figure:
        out.append(block.figure)
        return
    for number, text in enumerate(paragraphs(block, known)):
        place = _open_paragraph(out) if number == 0 else -1
        last = out[place] if place >= 0 else None
        if isinstance(last, str) and continues(last, text):
            out[place] = joined(last, text, known)
        else:
            out.append(text)


def _open_paragraph(out: list[str | Figure]) -> int:
    """Return the place of the last paragraph; figures behind it and their captions may follow."""
    for place in range(len(out) - 1, -1, -1):
        part = out[place]
        if isinstance(part, str) and not is_caption(part):
            return place
    return -1


def _texts_joined(parts: list[str | Figure]) -> list[str | Figure]:
    out: list[str | Figure] = []
    held: list[str] = []
    for part in parts:
        if isinstance(part, str):
            held.append(part)
            continue
        if held:
            out.append("\n\n".join(held))
            held = []
        out.append(part)
    return [*out, "\n\n".join(held)] if held else out


def _banded(page: PdfPage) -> list[TextLine]:
    """Return the lines in the upper and lower band that stand in blocks of few lines."""
    sizes = Counter(line.block for line in page.lines)
    top, bottom = BAND_SHARE * page.height, (1 - BAND_SHARE) * page.height
    return [
        line
        for line in page.lines
        if sizes[line.block] <= _MAX_BAND_LINES and (line.box[3] < top or line.box[1] > bottom)
    ]


def _normal(line: TextLine) -> str:
    return re.sub(r"\d+", "#", " ".join(clean(line.text).lower().split()))


def _repeated_lines(pages: Sequence[PdfPage]) -> set[str]:
    seen = Counter(text for page in pages for text in {_normal(line) for line in _banded(page)})
    return {text for text, times in seen.items() if _is_often(times, len(pages))}


def _repeated_figures(pages: Sequence[PdfPage]) -> set[bytes]:
    seen = Counter(data for page in pages for data in {figure.data for figure in page.figures})
    return {data for data, times in seen.items() if _is_often(times, len(pages))}


def _is_often(times: int, pages: int) -> bool:
    return times >= _MIN_PAGES or (times >= 2 and 2 * times >= pages)


def _without_furniture(page: PdfPage, repeated: set[str]) -> list[TextLine]:
    """Leave out the outermost lines that repeat, page numbers and stamps of printed web pages.

    What stands further in than a line that stays is text, even when it repeats; and so is all of a
    page that would be empty.
    """
    banded = sorted(_banded(page), key=lambda line: line.box[1])
    upper = [line for line in banded if line.box[1] < page.height / 2]
    gone: set[int] = set()
    for side in (upper, banded[len(upper) :][::-1]):
        for line in side:
            if not _is_furniture(line, page, repeated):
                break
            gone.add(id(line))
    left = [line for line in page.lines if id(line) not in gone]
    return left or list(page.lines)


def _is_furniture(line: TextLine, page: PdfPage, repeated: set[str]) -> bool:
    beside = [other for other in page.lines if other is line or _beside(line, other)]
    row = " ".join(" ".join(clean(part.text).split()) for part in beside)
    numbered = len(beside) == 1 and _NUMBER.fullmatch(row)
    return bool(numbered or _normal(line) in repeated or _PRINT_STAMP.fullmatch(row))


def _beside(line: TextLine, other: TextLine) -> bool:
    around = bounds([line.box, other.box])
    return around[3] - around[1] < 1.5 * (line.box[3] - line.box[1])
