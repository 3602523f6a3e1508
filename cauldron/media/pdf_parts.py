"""What a page of a PDF is made of: lines of text, figures, and blocks of lines.

Nothing here knows a PDF library.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

Box = tuple[float, float, float, float]

CELL = " | "
"""Stands between the cells of a row."""
SOLID_LINES = 3
_CAPTION = re.compile(r"(?:fig(?:ure|\.)?|table|tab\.|plate|chart|abb(?:ildung|\.)?)\s*\d", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of text: number of its block, box in points, size and font of most of its letters.

    `cells` says that it was put together from parts that stand far apart, as in a table.
    """

    block: int
    box: Box
    size: float
    text: str
    cells: bool = False
    font: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure: page from 1, box in points, encoded bytes, size in pixels.

    `kind` is `original` (bytes as stored), `pixels` (stored pixels as PNG) or `rendered` (a region
    of the page, whatever text it holds included).
    """

    box: Box
    data: bytes
    width: int
    height: int
    kind: str
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines that stand together, or one figure."""

    box: Box
    lines: tuple[TextLine, ...] = ()
    figure: Figure | None = None

    @property
    def is_solid(self) -> bool:
        """Whether it can be part of a column: a figure or a paragraph of several lines."""
        return self.figure is not None or len(self.lines) >= SOLID_LINES

    @property
    def is_float(self) -> bool:
        """Whether text may run around it: a figure or a caption."""
        return self.figure is not None or is_caption(self.lines[0].text)


def is_caption(text: str) -> bool:
    """Say whether a text begins as the caption of a figure or a table does."""
    return bool(_CAPTION.match(text.lstrip()))


def holds(box: Box, other: Box) -> bool:
    """Say whether the middle of another box lies inside a box."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def bounds(boxes: list[Box]) -> Box:
    """Return the smallest box around boxes."""
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def is_right_to_left(text: str) -> bool:
    """Say whether most letters are of a script that is written from right to left."""
    kinds = [unicodedata.bidirectional(c) for c in text if c.isalpha()]
    return 2 * sum(kind in ("R", "AL") for kind in kinds) > len(kinds)
