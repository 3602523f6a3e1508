"""Puzzles laid out as pictures: panels in a grid, an open place, choices under letters."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from cauldron.media.fonts import sized

BORDER_PX = 2
MARGIN_PX = 10
LABEL_PX = 22
_BLACK, _WHITE = 0, 255
_FACE = "NotoSans_Bold"


def matrix(panels: Sequence[Image.Image | None], columns: int) -> Image.Image:
    """Return panels of one size side by side, row by row; None is drawn as a question mark.

    Panel `columns * r + c` stands in row r and column c, within black borders on white.
    """
    width, height = next(panel.size for panel in panels if panel)
    rows = -(-len(panels) // columns)
    size = (_extent(columns, width), _extent(rows, height))
    board = Image.new("L", size, _BLACK)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        place = (_start(column, width), _start(row, height))
        board.paste(panel or _question_mark(width, height), place)
    return _framed(board)


def lettered(panels: Sequence[Image.Image], columns: int, letters: str) -> Image.Image:
    """Return panels in rows with a letter under each."""
    width, height = panels[0].size
    step_x, step_y = width + 3 * MARGIN_PX, height + LABEL_PX + 3 * MARGIN_PX
    rows = -(-len(panels) // columns)
    sheet = Image.new("L", (columns * step_x, rows * step_y), _WHITE)
    draw = ImageDraw.Draw(sheet)
    for number, (panel, letter) in enumerate(zip(panels, letters, strict=True)):
        row, column = divmod(number, columns)
        left, top = column * step_x + MARGIN_PX, row * step_y
        sheet.paste(matrix([panel], 1), (left, top))
        below = (left + MARGIN_PX + width // 2, top + height + 2 * MARGIN_PX)
        draw.text(below, letter, _BLACK, sized(_FACE, LABEL_PX, False), anchor="ma")
    return sheet


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures one below the other, centred on white."""
    width = max(picture.width for picture in pictures)
    sheet = Image.new("L", (width, sum(picture.height for picture in pictures)), _WHITE)
    top = 0
    for picture in pictures:
        sheet.paste(picture, ((width - picture.width) // 2, top))
        top += picture.height
    return sheet


def _question_mark(width: int, height: int) -> Image.Image:
    tile = Image.new("L", (width, height), _WHITE)
    font = sized(_FACE, min(width, height) // 2, False)
    ImageDraw.Draw(tile).text((width / 2, height / 2), "?", _BLACK, font, anchor="mm")
    return tile


def _start(number: int, side: int) -> int:
    return BORDER_PX + number * (side + BORDER_PX)


def _extent(count: int, side: int) -> int:
    return _start(count, side)


def _framed(board: Image.Image) -> Image.Image:
    width, height = board.size
    frame = Image.new("L", (width + 2 * MARGIN_PX, height + 2 * MARGIN_PX), _WHITE)
    frame.paste(board, (MARGIN_PX, MARGIN_PX))
    return frame
