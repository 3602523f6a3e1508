"""The passes of `html_layout` over the tags of a page, compiled by numba."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media import html_tags as of
from cauldron.media.html_layout import (
    BLANK,
    BREAKS,
    CHANGE,
    CLOSES_ITEM,
    CLOSES_LIST,
    FILLED,
    INSIDE,
    LAID_OUT,
    LINE,
    OPENS_ITEM,
    OPENS_LIST,
    PLAIN,
    SHOWS,
)

_ODD, _PARAGRAPH, _CELL = range(3)


@numba.njit(nogil=True, cache=True)
def around_texts(kinds, ends, tags):
    """Return `laid`, `in_row`, `link_before` and `kept` of a layout."""
    size = len(kinds)
    laid, in_row = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    link_before, kept = np.full(size + 1, -1), np.zeros(size + 1, np.bool_)
    before = np.zeros((3, size + 1), np.int64)
    link, reach = -1, -1
    for place in range(size):
        kind, begins = kinds[place], kinds[place] & of.OPEN != 0
        laid[place] = tags[place] and kind & LAID_OUT != 0
        for row, bits in ((_ODD, of.IN_LAYOUT), (_PARAGRAPH, of.PARAGRAPH), (_CELL, of.CELL)):
            before[row, place + 1] = before[row, place] + (begins and kind & bits != 0)
        if begins and tags[place] and kind & of.LINK:
            link = place
        if begins and laid[place] and kind & of.PRE:
            reach = max(reach, ends[place])
        if link >= 0 and ends[link] > place:
            link_before[place + 1] = link
        kept[place + 1] = place < reach
    for table in range(size):
        if not (laid[table] and kinds[table] & of.OPEN and kinds[table] & of.TABLE):
            continue
        end = min(ends[table] + 1, size)
        inside = before[:, end] - before[:, table + 1]
        is_data = inside[_ODD] == 0 and inside[_PARAGRAPH] <= inside[_CELL]
        in_row[table + 1 : end] = is_data and not kinds[table] & of.FOR_LAYOUT
    return laid, in_row, link_before, kept


@numba.njit(nogil=True, cache=True)
def steps(kinds, laid, in_row, spaced, ends_paragraphs, pictures, filled, marks, linked, separated):
    """Return the columns of the steps of a layout."""
    out = np.empty((7, len(kinds)), np.int64)
    number = first = 0
    before = SHOWS
    for place in range(len(kinds)):
        kind = kinds[place]
        state = laid[place] and kind & (of.LIST | of.ITEM) != 0
        if not (state or ends_paragraphs[place] or pictures[place]):
            continue
        does = BREAKS
        if pictures[place]:
            does = SHOWS
        elif state:
            begins = kind & of.OPEN != 0
            if kind & of.LIST:
                does = OPENS_LIST if begins else CLOSES_LIST
            elif not begins:
                does = CLOSES_ITEM
            elif not in_row[place]:
                does = OPENS_ITEM
            does |= INSIDE if spaced[place] else 0
        is_filled, is_odd = 0, False
        for text in range(first, place + 1):
            is_filled = max(is_filled, filled[text])
            is_odd = is_odd or marks[text] != 0
        if linked[place + 1] > linked[first] and separated[place + 1] > separated[first]:
            is_odd = True
        level = LINE if kind & of.LINE else BLANK
        always = level if is_filled or kind & of.CELL else 0
        if is_filled == FILLED and does & ~CHANGE == BREAKS and not is_odd:
            is_filled = PLAIN
        if number and does == BREAKS and before == BREAKS and is_filled < FILLED:
            out[5, number - 1] = max(out[5, number - 1], always)
            out[6, number - 1] = max(out[6, number - 1], level - always)
        else:
            row = (place, does, first, is_filled, level, always, level - always)
            for column in range(7):
                out[column, number] = row[column]
            number += 1
        before, first = does, place + 1
    return out[:, :number]
