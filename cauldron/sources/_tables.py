"""What sources on tables share: drawing a table once, its header, and asking for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from cauldron.media.tables import Drawing, draw_table, table_of
from cauldron.phrasing import Chooser, text
from cauldron.readers.raw import Row
from cauldron.sample import Picture, Turn, content_hash

Area = tuple[int, int, int, int]
WRITE_OUT = (
    "Write out the whole table as JSON.",
    "Turn the table into JSON with its header and its rows.",
    "Give me everything in this table as JSON.",
    "Transcribe the table: JSON with header and rows.",
    "What does the table hold? Answer in JSON.",
    "Read the table and return it as a JSON object.",
    "Copy the complete table into JSON.",
    "Put the content of the picture into JSON, header first.",
    "List all cells of the table, row by row, as JSON.",
    "Convert the pictured table to JSON.",
    "I need the table as data. Use JSON.",
    "Reproduce the table in JSON form.",
    "Return header and rows of this table as JSON.",
)


def cells_of(rows: Iterable[Iterable[Any]]) -> list[list[str]]:
    """Return the cells of a table as text; None becomes an empty cell.

    Raises:
        TypeError: if a cell is neither text nor a number.
    """
    return [["" if cell is None else text(cell) for cell in row] for row in rows]


def header_rows(cells: Sequence[Sequence[str]]) -> int:
    """Return how many rows at the top are headers: those whose first cell is empty, or one."""
    filled = (n for n, row in enumerate(cells) if row and row[0].strip())
    return max(next(filled, 0), 1)


def drawn(
    row: Row,
    cells: Sequence[Sequence[str]],
    *,
    headers: int = 1,
    header_columns: int = 0,
    merges: Iterable[Area] = (),
) -> Drawing:
    """Draw a table; equal tables get the same look, and neighbours are drawn once.

    Raises:
        ImageError: if it is empty, too large, or has characters that no font has.
    """
    grid = tuple(tuple(line) for line in cells)
    style = content_hash(row.seed, row.source, *("\x1e".join(line) for line in grid))
    return _drawn(grid, headers, header_columns, tuple(merges), style)


@lru_cache(maxsize=8)
def _drawn(
    grid: tuple[tuple[str, ...], ...],
    headers: int,
    header_columns: int,
    merges: tuple[Area, ...],
    style: int,
) -> Drawing:
    table = table_of(grid, header_rows=headers, header_columns=header_columns, merges=merges)
    return draw_table(table, style)


def table_picture(drawing: Drawing, number: int | None = None) -> Picture:
    """Return the picture of a drawn table; of several tables with its number."""
    return Picture(path=f"table{'' if number is None else f'_{number}'}.png", bytes=drawing.png)


def whole_table(row: Chooser, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Turn:
    """Return a turn that asks for the whole table and is answered with JSON."""
    written = orjson.dumps({"header": list(header), "rows": [list(line) for line in rows]})
    return Turn(user=row.pick(WRITE_OUT, "whole table"), assistant=written.decode())
