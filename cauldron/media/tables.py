"""Tables as pictures: every row and column complete, sized by what is in the cells.

A table is laid out so that its longer side stays within 980 pixels where that is possible: long
cells are wrapped, then the text gets smaller, but never below 13 pixels. A longer or wider table
grows past it in the shape that keeps its text largest after shrinking, and its facts say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from cauldron.media.images import encode_png
from cauldron.media.lines import draw_line
from cauldron.media.table_grid import Cell, Table, table_of
from cauldron.media.table_layout import Box, Layout, lay_out
from cauldron.media.table_style import Color, Palette

__all__ = ["Cell", "Drawing", "Layout", "Table", "draw_table", "lay_out", "table_of"]

_SHADES = 32
_PAPER, _RULE, _BODY, _STRIPE, _HEADER = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A drawn table: PNG bytes, and where every text stands in it."""

    png: bytes
    layout: Layout

    @property
    def facts(self) -> dict[str, float]:
        """Sides and text size in pixels; `fitted_text_px` is the text size shrunk to 980 px."""
        layout = self.layout
        return {
            "width": layout.width,
            "height": layout.height,
            "text_px": layout.text_px,
            "fitted_text_px": round(layout.fitted_text_px, 1),
        }


def draw_table(table: Table, style: int) -> Drawing:
    """Draw a table in the look that a number stands for; equal input gives equal bytes.

    Raises:
        ImageError: table_too_large, glyph_missing or text_shaping_missing.
    """
    layout = lay_out(table, style)
    size = (layout.width, layout.height)
    ground, ink = Image.new("L", size, _PAPER * _SHADES), Image.new("L", size, 0)
    _fill_ground(ImageDraw.Draw(ground), layout)
    pen = ImageDraw.Draw(ink)
    for box in layout.boxes:
        for placed in box.lines:
            draw_line(pen, placed.line, placed.x, placed.y, fill=255)
    shades = ink.point([value * _SHADES // 256 for value in range(256)])
    picture = ImageChops.add(ground, shades)
    picture.putpalette(_colors(layout.style.palette))
    return Drawing(png=encode_png(picture), layout=layout)


def _fill_ground(draw: ImageDraw.ImageDraw, layout: Layout) -> None:
    margin = layout.style.margin
    inside = (margin, margin, layout.width - margin - 1, layout.height - margin - 1)
    draw.rectangle(inside, fill=_RULE * _SHADES)
    for box in layout.boxes:
        area = (box.left, box.top, box.right - 1, box.bottom - 1)
        draw.rectangle(area, fill=_ground_of(box, layout) * _SHADES)


def _ground_of(box: Box, layout: Layout) -> int:
    if box.header:
        return _HEADER
    return _STRIPE if layout.style.stripes and box.cell.row % 2 else _BODY


def _colors(palette: Palette) -> list[int]:
    """Return a PNG palette: for each ground, `_SHADES` colours from the ground to its text."""
    grounds: list[tuple[Color, Color]] = [
        (palette.paper, palette.text),
        (palette.rule, palette.text),
        (palette.paper, palette.text),
        (palette.stripe, palette.text),
        (palette.header, palette.header_text),
    ]
    return [
        round(back + (front - back) * shade / (_SHADES - 1))
        for ground, text in grounds
        for shade in range(_SHADES)
        for back, front in zip(ground, text, strict=True)
    ]
