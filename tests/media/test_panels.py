"""Puzzles laid out as pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image

from cauldron.media.panels import BORDER_PX, MARGIN_PX, lettered, matrix, stacked

SIDE = 40


def tile(grey: int) -> Image.Image:
    return Image.new("L", (SIDE, SIDE), grey)


def at(board: Image.Image, row: int, column: int) -> int:
    """Return the grey in the middle of a place of a matrix."""
    start = MARGIN_PX + BORDER_PX
    step = SIDE + BORDER_PX
    return board.getpixel((start + column * step + SIDE // 2, start + row * step + SIDE // 2))


def test_panels_stand_row_by_row() -> None:
    board = matrix([tile(20 * n) for n in range(9)], 3)
    assert [[at(board, r, c) for c in range(3)] for r in range(3)] == [
        [0, 20, 40],
        [60, 80, 100],
        [120, 140, 160],
    ]


def test_the_open_place_is_a_question_mark_on_white() -> None:
    board = np.asarray(matrix([tile(128)] * 8 + [None], 3))
    edge = -(MARGIN_PX + BORDER_PX)
    open_place = board[edge - SIDE : edge, edge - SIDE : edge]
    assert open_place.min() < 30 and open_place.max() == 255 and np.median(open_place) == 255


def test_panels_are_left_as_they_are() -> None:
    panels = [tile(7), tile(9)]
    lettered(panels, 2, "AB")
    assert [panel.getextrema() for panel in panels] == [(7, 7), (9, 9)]


def test_choices_stand_in_rows_with_ink_below_each() -> None:
    sheet = np.asarray(lettered([tile(200)] * 8, 4, "ABCDEFGH"))
    step_y, step_x = sheet.shape[0] // 2, sheet.shape[1] // 4
    for row in range(2):
        for column in range(4):
            cell = sheet[row * step_y : (row + 1) * step_y, column * step_x : (column + 1) * step_x]
            assert cell[SIDE // 2 + MARGIN_PX, step_x // 2] == 200
            assert cell[SIDE + MARGIN_PX + 2 * BORDER_PX :].min() < 60


def test_pictures_are_stacked_without_overlap() -> None:
    heights = [np.asarray(p).shape[0] for p in (tile(0), tile(100))]
    sheet = np.asarray(stacked([tile(0), tile(100)]))
    assert sheet.shape[0] == sum(heights)
    assert [b - a for a, b in pairwise(sheet[[0, SIDE], 0].tolist())] == [100]
