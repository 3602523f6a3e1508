"""What a table is: cells in a grid, some of them merged, with header rows on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cauldron.media.images import ImageError
from cauldron.media.limits import LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A text, the place of its upper left corner, and how many rows and columns it spans."""

    text: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells that fill a grid without overlap; the first rows and columns may be headers."""

    cells: tuple[Cell, ...]
    n_rows: int
    n_columns: int
    header_rows: int = 1
    header_columns: int = 0


def table_of(
    rows: Sequence[Sequence[str]],
    *,
    header_rows: int = 1,
    header_columns: int = 0,
    merges: Iterable[tuple[int, int, int, int]] = (),
) -> Table:
    """Return the table of a list of rows; short rows are filled up with empty cells.

    Args:
        rows: the text of every grid place, row by row.
        header_rows: rows at the top that are headers.
        header_columns: columns at the start that are headers.
        merges: areas (row, column, rows, columns) shown as one cell, with the text of their upper
            left place. An area that leaves the grid, overlaps another, or would hide a text is
            not merged.

    Raises:
        ImageError: table_empty or table_too_large.
        TypeError: if a cell is not text.
    """
    n_rows, n_columns = len(rows), max((len(row) for row in rows), default=0)
    _check(rows, n_rows, n_columns)
    grid = [[*row, *[""] * (n_columns - len(row))] for row in rows]
    covered: set[tuple[int, int]] = set()
    cells: list[Cell] = []
    for row, column, height, width in merges:
        places = set(_places(row, column, height, width))
        inside = row >= 0 and column >= 0 and row + height <= n_rows and column + width <= n_columns
        if len(places) > 1 and inside and not places & covered and not _hides(grid, places):
            covered |= places
            text = grid[row][column]
            cells.append(Cell(text=text, row=row, column=column, rows=height, columns=width))
    cells += [
        Cell(text=text, row=r, column=c)
        for r, row_cells in enumerate(grid)
        for c, text in enumerate(row_cells)
        if (r, c) not in covered
    ]
    return Table(
        cells=tuple(sorted(cells, key=lambda cell: (cell.row, cell.column))),
        n_rows=n_rows,
        n_columns=n_columns,
        header_rows=min(header_rows, n_rows),
        header_columns=min(header_columns, n_columns),
    )


def _places(row: int, column: int, height: int, width: int) -> Iterator[tuple[int, int]]:
    height = min(height, LIMITS.max_table_rows)
    width = min(width, LIMITS.max_table_columns)
    return ((r, c) for r in range(row, row + height) for c in range(column, column + width))


def _hides(grid: list[list[str]], places: set[tuple[int, int]]) -> bool:
    row, column = min(places)
    return any(grid[r][c].strip() not in ("", grid[row][column].strip()) for r, c in places)


def _check(rows: Sequence[Sequence[str]], n_rows: int, n_columns: int) -> None:
    too_long = n_rows > LIMITS.max_table_rows or n_columns > LIMITS.max_table_columns
    if too_long or n_rows * n_columns > LIMITS.max_table_cells:
        raise ImageError("table_too_large", f"{n_rows} rows x {n_columns} columns")
    chars = 0
    for row in rows:
        for text in row:
            if not isinstance(text, str):
                raise TypeError(f"expected text in a table, found {type(text).__name__}")
            chars += len(text)
    if chars > LIMITS.max_table_chars:
        raise ImageError("table_too_large", f"{chars} characters")
    if not any(text.strip() for row in rows for text in row):
        raise ImageError("table_empty", f"{n_rows} rows x {n_columns} columns, no text")
