"""Pages of a PDF to one document: furniture out, paragraphs whole, figures at their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from cauldron.media.pdf import PdfPage
from cauldron.media.pdf_joins import BROKEN, continues, joined
from cauldron.media.pdf_layout import blocks_in_order
from cauldron.media.pdf_parts import CELL, Block, Figure, TextLine, bounds, is_caption
from cauldron.media.pdf_text import clean, paragraphs, words_of

BAND_SHARE = 0.2
"""Heads and feet stand in the upper and lower part of the page of this height."""
_SMALL_TYPE = 0.93
_INDENT_EM = 0.3
_OTHER_SIZE = 0.12
_MAX_BAND_LINES = 3
_MIN_PAGES = 3
_NUMBER = re.compile(
    r"[-–—\[(]?\s*(?:page|seite|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of|von|sur|de)\s*\d{1,4})?"
    r"\s*[-–—\])]?",
    re.IGNORECASE,
)
_MAST = re.compile(
    r"\d{1,4} [|•·] .{3,60}|.{3,60} [|•·] \d{1,4}|(?:https?://|www\.)\S+(?: \d{1,4})?"
    r"|Downloaded from .{3,160}",
    re.I,
)
"""Number and name of a journal, its address, or where the page was had from."""
_ISSUE = re.compile(r"\bwww\.|\bvol(?:ume\b|\.)|\bissn\b", re.I)
_MAX_MAST_CHARS = 80
_LEADERS = re.compile(r"[\s.·…_=*–—-]{8,}")
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
    flow = _Flow(known, _body_size(pages))
    for page in pages:
        notes.update(_remarks(page))
        if not page.has_text:
            if page.picture is not None:
                flow.parts.append(_scan(page))
            continue
        lines = _without_furniture(page, repeated)
        notes["furniture_line"] += len(page.lines) - len(lines)
        figures = [figure for figure in page.figures if figure.data not in furniture]
        notes["furniture_figure"] += len(page.figures) - len(figures)
        for block in blocks_in_order(lines, figures, page.width):
            flow.add(block)
    return _texts_joined(flow.parts), {
        name: number for name, number in sorted(notes.items()) if number
    }


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


class _Flow:
    """Texts and figures in the order of reading; a paragraph runs on over what stands in its way.

    Figures, captions, footnotes and tables stand in the way of a paragraph.
    """

    def __init__(self, known: set[str], body: float) -> None:
        self.parts: list[str | Figure] = []
        self._known, self._body = known, body
        self._open: tuple[int, TextLine, bool] | None = None
        """Place of the last paragraph, its last line, and whether that fills its column."""

    def add(self, block: Block) -> None:
        """Add a block."""
        if block.figure:
            self.parts.append(block.figure)
            return
        aside = _is_aside(block, self._body)
        last = block.lines[-1]
        for number, text in enumerate(paragraphs(block, self._known)):
            if number == 0 and not aside and self._runs_on(text, block):
                self._join(text)
            else:
                self.parts.append(text)
                if not aside:
                    self._open = (len(self.parts) - 1, last, _is_full(block))
        if not aside and self._open:
            self._open = (self._open[0], last, _is_full(block))

    def _runs_on(self, text: str, block: Block) -> bool:
        if self._open is None or self._open[1].cells:
            return False
        place, last, full = self._open
        first = block.lines[0]
        is_above = first.box[3] < last.box[1]  # in the next column, or on the next page
        broken = BROKEN.search(str(self.parts[place]))
        if abs(first.size - last.size) > (_OTHER_SIZE if is_above or broken else 0.03) * last.size:
            return False
        alike = full and is_above and (last.size, last.font) == (first.size, first.font)
        indented = first.box[0] - block.box[0] > _INDENT_EM * first.size
        return continues(str(self.parts[place]), text, alike=alike and not indented)

    def _join(self, text: str) -> None:
        assert self._open is not None
        place = self._open[0]
        self.parts[place] = joined(str(self.parts[place]), text, self._known)


def _is_aside(block: Block, body: float) -> bool:
    first = block.lines[0]
    small = max(line.size for line in block.lines) < _SMALL_TYPE * body
    return small or is_caption(first.text) or any(line.cells for line in block.lines)


def _is_full(block: Block) -> bool:
    """Say whether the last of several lines ends where the others do."""
    edge, last = block.box[2], block.lines[-1]
    return len(block.lines) > 1 and edge - last.box[2] < last.size


def _body_size(pages: Sequence[PdfPage]) -> float:
    """Return the size of most letters of a document."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines if page.has_text else ():
            sizes[line.size] += len(line.text)
    return max(sizes, key=lambda size: (sizes[size], size), default=0.0)


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
    """Return the lines in the upper and lower band that stand in blocks of few rows."""
    sizes = Counter(block for block, _ in {(x.block, round(x.box[1])) for x in page.lines})
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
    gone |= {id(line) for line in page.lines if _LEADERS.fullmatch(line.text)}
    left = [line for line in page.lines if id(line) not in gone]
    return left or list(page.lines)


def _is_furniture(line: TextLine, page: PdfPage, repeated: set[str]) -> bool:
    beside = [other for other in page.lines if other is line or _beside(line, other)]
    beside.sort(key=lambda part: part.box[0])
    row = " ".join(" ".join(clean(part.text).split()) for part in beside)
    numbered = len(beside) == 1 and _NUMBER.fullmatch(row)
    if numbered or _normal(line) in repeated or _PRINT_STAMP.fullmatch(row):
        return True
    ends = [part.text.strip() for part in (beside[0], beside[-1])]
    flanked = 1 < len(beside) < 4 and any(x.isdecimal() and len(x) < 5 for x in ends)
    issue = len(beside) > 2 and len(row) < 2 * _MAX_MAST_CHARS and _ISSUE.search(row)
    signed = issue or _MAST.fullmatch(row) or (flanked and len(row) < _MAX_MAST_CHARS)
    return bool(signed) and _stands_alone(line, beside, page)


def _stands_alone(line: TextLine, beside: list[TextLine], page: PdfPage) -> bool:
    """Say whether white stands above and below a row, as much as a line takes."""
    others = [part.box for part in page.lines if not any(part is one for one in beside)]
    gaps = [max(box[1] - line.box[3], line.box[1] - box[3]) for box in others]
    return min(gaps, default=0.0) > line.size


def _beside(line: TextLine, other: TextLine) -> bool:
    around = bounds([line.box, other.box])
    return around[3] - around[1] < 1.5 * (line.box[3] - line.box[1])
