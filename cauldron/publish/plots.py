"""Plots of a card: what is drawn of each source, and what was kept, as one small PNG each."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

WIDTH, ROW, LEFT, RIGHT = 960, 26, 220, 110
INK, GRID, BACK = (40, 44, 52), (225, 228, 232), (255, 255, 255)
COLOURS = ((46, 110, 180), (228, 132, 60), (160, 60, 60), (150, 150, 158))
MOST_ROWS = 60


def bars(
    title: str, legend: Sequence[str], rows: Sequence[tuple[str, Sequence[float], str]]
) -> bytes:
    """Return a PNG of stacked horizontal bars.

    Args:
        legend: what the parts of a bar are.
        rows: name, parts and the text behind the bar; the longest bar fills the width.
    """
    shown = list(rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        shown.append((f"and {len(rows) - MOST_ROWS} more", (), ""))
    top = 74 if len(legend) > 1 else 50
    image = Image.new("RGB", (WIDTH, top + ROW * len(shown) + 14), BACK)
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((12, 12), title, INK, large)
    x = 12
    for name, colour in zip(legend if len(legend) > 1 else (), COLOURS, strict=False):
        draw.rectangle((x, 48, x + 12, 60), colour)
        draw.text((x + 18, 46), name, INK, small)
        x += 40 + round(draw.textlength(name, small))
    most = max((sum(parts) for _, parts, _ in shown), default=0) or 1.0
    for number, (name, parts, told) in enumerate(shown):
        y = top + ROW * number
        draw.text((12, y + 4), name[:28], INK, small)
        draw.line((LEFT, y + ROW - 1, WIDTH - RIGHT, y + ROW - 1), GRID)
        start = float(LEFT)
        for part, colour in zip(parts, COLOURS, strict=False):
            end = start + part / most * (WIDTH - LEFT - RIGHT)
            if end - start >= 0.5:
                draw.rectangle((start, y + 4, end, y + ROW - 6), colour)
            start = end
        draw.text((start + 8, y + 4), told, INK, small)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
