"""Where every line of every cell of a table stands.

Columns share the width by how much they need: a column whose longest line is short gets what it
asks for, the others are wrapped at one common width.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

from cauldron.media.bidi import right_to_left
from cauldron.media.images import ImageError
from cauldron.media.limits import LIMITS
from cauldron.media.lines import Font, Line, clean, longest_word, one_line_width, wrapped
from cauldron.media.table_grid import Cell, Table
from cauldron.media.table_style import MIN_TEXT_PX, Place, Style, style_of

FIT_PX = 980
"""Longest side in pixels that an ordinary table stays within (Idefics2 input, arXiv:2405.02246)."""

_WIDER = (1.0, 1.3, 1.7, 2.2, 3.0, 4.0)
_BIG_CELLS = 600
_WORD_EM = 14
_NUMBER = re.compile(
    r"[^\w\s]{0,3}\s?[A-Z]{0,3}\s?[^\w\s]{0,2}\d[\d.,'\u00a0\u202f ]*\W{0,4}\w{0,2}\W{0,2}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A line of text with the pixel of its left end and upper edge."""

    line: Line
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A cell in the picture: its edges in pixels (right and bottom excluded) and its lines."""

    cell: Cell
    left: int
    top: int
    right: int
    bottom: int
    header: bool
    lines: tuple[Placed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table of known size in pixels; rules are what the boxes leave open inside the margin."""

    width: int
    height: int
    text_px: int
    style: Style
    boxes: tuple[Box, ...]

    @property
    def fitted_text_px(self) -> float:
        """The text size after shrinking the longer side to `FIT_PX`."""
        return self.text_px * min(1.0, FIT_PX / max(self.width, self.height))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A table at one text size: for each cell its font, width on one line and longest word."""

    table: Table
    style: Style
    text_px: int
    texts: tuple[str, ...]
    fonts: tuple[Font, ...]
    natural: tuple[int, ...]
    longest: tuple[int, ...]
    gaps_x: tuple[int, ...]
    gaps_y: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Column widths and row heights in pixels, paddings included, and the lines of every cell."""

    measured: _Measured
    widths: tuple[int, ...]
    heights: tuple[int, ...]
    lines: tuple[tuple[Line, ...], ...]

    @property
    def size(self) -> tuple[int, int]:
        m = self.measured
        width = sum(self.widths) + sum(m.gaps_x) + 2 * m.style.margin
        return width, sum(self.heights) + sum(m.gaps_y) + 2 * m.style.margin

    @property
    def longest(self) -> int:
        return max(self.size)


def lay_out(table: Table, style: int) -> Layout:
    """Choose text size and wrapping, and place every line.

    Raises:
        ImageError: table_too_large, glyph_missing or text_shaping_missing.
    """
    look = style_of(style)
    plan = _fitting(table, look) or _shapely(table, look)
    width, height = plan.size
    if width * height > LIMITS.max_table_pixels or max(width, height) > LIMITS.max_side:
        raise ImageError("table_too_large", f"{width} x {height} pixels")
    return _placed(plan)


def _fitting(table: Table, style: Style) -> _Plan | None:
    """Return the plan of the largest text that stays within `FIT_PX`, or None."""
    sizes = list(range(style.text_px, MIN_TEXT_PX - 1, -1))
    if len(table.cells) > _BIG_CELLS:
        sizes = [MIN_TEXT_PX]
    for text_px in sizes:
        measured = _measure(table, style, text_px)
        for cap in (style.widest_em * text_px, FIT_PX):
            plan = _plan(measured, FIT_PX, cap)
            if plan.longest <= FIT_PX:
                return plan
        if plan.longest * MIN_TEXT_PX / text_px > 1.25 * FIT_PX:
            return None
    return None


def _shapely(table: Table, style: Style) -> _Plan:
    """Return the plan with the shortest longer side, at the smallest text size."""
    measured = _measure(table, style, MIN_TEXT_PX)
    best = _plan(measured, FIT_PX, FIT_PX)
    for factor in _WIDER[1:]:
        if best.size[0] >= best.size[1]:
            break
        wider = _plan(measured, round(FIT_PX * factor), round(FIT_PX * factor))
        if wider.longest >= best.longest:
            break
        best = wider
    return best


def _measure(table: Table, style: Style, text_px: int) -> _Measured:
    plain = Font(family=style.family, size_px=text_px)
    bold = Font(family=style.family, size_px=text_px, bold=style.bold_header)
    texts = tuple(clean(cell.text).strip() for cell in table.cells)
    fonts = tuple(bold if _is_header(table, cell) else plain for cell in table.cells)
    pairs = list(zip(texts, fonts, strict=True))
    return _Measured(
        table=table,
        style=style,
        text_px=text_px,
        texts=texts,
        fonts=fonts,
        natural=tuple(_one_line(text, font) for text, font in pairs),
        longest=tuple(math.ceil(longest_word(text, font)) for text, font in pairs),
        gaps_x=tuple(style.rule_px * (style.rules == "grid") for _ in range(table.n_columns + 1)),
        gaps_y=tuple(_gap_above(table, style, row) for row in range(table.n_rows + 1)),
    )


def _is_header(table: Table, cell: Cell) -> bool:
    return cell.row < table.header_rows or cell.column < table.header_columns


def _gap_above(table: Table, style: Style, row: int) -> int:
    if style.rules == "header":
        return style.rule_px * (row in (0, table.header_rows, table.n_rows))
    return style.rule_px * (style.rules != "none")


def _one_line(text: str, font: Font) -> int:
    rtl = right_to_left(text)
    return max(math.ceil(one_line_width(line.strip(), font, rtl)) for line in text.split("\n"))


def _plan(measured: _Measured, target: int, cap: int) -> _Plan:
    """Share a target width among the columns; no column is wider than `cap` by its own wish."""
    table, style = measured.table, measured.style
    word_cap = _WORD_EM * measured.text_px
    wish, floor = [0] * table.n_columns, [0] * table.n_columns
    for cell, natural, longest in zip(table.cells, measured.natural, measured.longest, strict=True):
        if cell.columns == 1:
            least = min(longest, word_cap)
            floor[cell.column] = max(floor[cell.column], least)
            wish[cell.column] = max(wish[cell.column], min(natural, max(cap, least)))
    frame = sum(measured.gaps_x) + 2 * style.margin + 2 * style.pad_x * table.n_columns
    widths = _shared(wish, floor, target - frame)
    for cell, natural, longest in zip(table.cells, measured.natural, measured.longest, strict=True):
        if cell.columns > 1:
            inner = _inner(measured, widths, cell)
            room = target - frame - sum(widths)
            needed = max(min(natural - inner, room), min(longest, word_cap) - inner)
            for step in range(cell.columns):
                widths[cell.column + step] += max(0, math.ceil(needed / cell.columns))
    lines = tuple(
        wrapped(text, font, _inner(measured, widths, cell))
        for text, font, cell in zip(measured.texts, measured.fonts, table.cells, strict=True)
    )
    return _Plan(
        measured=measured,
        widths=tuple(width + 2 * style.pad_x for width in widths),
        heights=_heights(measured, lines),
        lines=lines,
    )


def _inner(measured: _Measured, widths: list[int], cell: Cell) -> int:
    between = measured.gaps_x[cell.column + 1 : cell.column + cell.columns]
    joined = 2 * measured.style.pad_x * (cell.columns - 1) + sum(between)
    return sum(widths[cell.column : cell.column + cell.columns]) + joined


def _shared(wish: list[int], floor: list[int], available: int) -> list[int]:
    """Return widths that are between floor and wish and together no more than is available."""
    if sum(wish) <= available:
        return list(wish)
    low, high = 0, max(wish)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(map(_between, floor, wish, itertools.repeat(middle))) <= available:
            low = middle
        else:
            high = middle - 1
    return list(map(_between, floor, wish, itertools.repeat(low)))


def _between(floor: int, wish: int, limit: int) -> int:
    return max(floor, min(wish, limit))


def _heights(measured: _Measured, lines: tuple[tuple[Line, ...], ...]) -> tuple[int, ...]:
    heights = [0] * measured.table.n_rows
    by_span = sorted(zip(measured.table.cells, lines, strict=True), key=lambda pair: pair[0].rows)
    for cell, found in by_span:
        last = cell.row + cell.rows - 1
        between = sum(measured.gaps_y[cell.row + 1 : last + 1])
        have = sum(heights[cell.row : last + 1]) + between
        needed = _text_height(found, measured.text_px) + 2 * measured.style.pad_y
        heights[last] += max(0, needed - have)
    return tuple(heights)


def _text_height(lines: tuple[Line, ...], text_px: int) -> int:
    return sum(line.height for line in lines) + _leading(text_px) * (len(lines) - 1)


def _leading(text_px: int) -> int:
    return round(0.12 * text_px)


def _placed(plan: _Plan) -> Layout:
    measured, style = plan.measured, plan.measured.style
    table = measured.table
    width, height = plan.size
    tops = _starts(plan.heights, measured.gaps_y, style.margin)
    lefts = _starts(plan.widths, measured.gaps_x, style.margin)
    numeric = _numeric_columns(measured)
    mirrored = _mostly_rtl(measured.texts)
    boxes: list[Box] = []
    for cell, lines in zip(table.cells, plan.lines, strict=True):
        last = cell.column + cell.columns - 1
        left, right = lefts[cell.column], lefts[last] + plan.widths[last]
        if mirrored:
            left, right = width - right, width - left
        last_row = cell.row + cell.rows - 1
        top, bottom = tops[cell.row], tops[last_row] + plan.heights[last_row]
        header = _is_header(table, cell)
        place = _place(cell, header, cell.column in numeric, style, mirrored)
        spare = bottom - top - _text_height(lines, measured.text_px)
        y = top + spare // 2
        placed: list[Placed] = []
        for line in lines:
            room = right - left - 2 * style.pad_x - math.ceil(line.width)
            shift = {"left": 0, "center": room // 2, "right": room}[place]
            placed.append(Placed(line=line, x=left + style.pad_x + shift, y=y))
            y += line.height + _leading(measured.text_px)
        box = Box(
            cell=cell,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            header=header,
            lines=tuple(placed),
        )
        boxes.append(box)
    return Layout(
        width=width, height=height, text_px=measured.text_px, style=style, boxes=tuple(boxes)
    )


def _starts(sizes: tuple[int, ...], gaps: tuple[int, ...], margin: int) -> list[int]:
    starts, at = [], margin
    for size, gap in zip(sizes, gaps, strict=False):
        starts.append(at + gap)
        at += gap + size
    return starts


def _numeric_columns(measured: _Measured) -> set[int]:
    """Return columns most of whose body cells are numbers."""
    numbers = [0] * measured.table.n_columns
    texts = [0] * measured.table.n_columns
    for cell, text in zip(measured.table.cells, measured.texts, strict=True):
        if text and cell.columns == 1 and not _is_header(measured.table, cell):
            is_number = len(text) < 40 and (
                _NUMBER.fullmatch(text) or not any(map(str.isalnum, text))
            )
            (numbers if is_number else texts)[cell.column] += 1
    return {c for c, (n, t) in enumerate(zip(numbers, texts, strict=True)) if n > t}


def _mostly_rtl(texts: tuple[str, ...]) -> bool:
    worded = [text for text in texts if any(map(str.isalpha, text))]
    return sum(map(right_to_left, worded)) * 2 > len(worded)


def _place(cell: Cell, header: bool, numeric: bool, style: Style, mirrored: bool) -> Place:
    if header and cell.columns > 1:
        return "center"
    if header and style.header_place == "center" and cell.column:
        return "center"
    if numeric:
        return "right"
    return "right" if mirrored else "left"
