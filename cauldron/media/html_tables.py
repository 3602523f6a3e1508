"""A table written in HTML as a grid of texts with its merged areas; texts stay as written."""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.media.html_tags import BREAK, CELL, ROW, TABLE
from cauldron.media.html_tree import Tree, has, read_tree
from cauldron.media.images import ImageError
from cauldron.media.limits import LIMITS

Area = tuple[int, int, int, int]


def html_grid(html: str) -> tuple[list[list[str]], list[Area]]:
    """Return the rows of the first table of a piece of HTML, and areas shown as one cell.

    A cell that spans stands in its upper left place, the places it covers are empty. Numbers are
    not interpreted, entities are decoded once, tables inside cells give their text only.

    Returns:
        Rows of equal length, and areas as (row, column, rows, columns).

    Raises:
        ImageError: table_too_large.
    """
    tree = read_tree(html)
    placed: dict[tuple[int, int], str] = {}
    areas: list[Area] = []
    n_rows = 0
    for row, cells in enumerate(_rows(tree)):
        n_rows, column = row + 1, 0
        for cell in cells:
            while (row, column) in placed:
                column += 1
            height, width = (_span(tree, cell, f"{way}span") for way in ("row", "col"))
            for r in range(row, row + height):
                placed.update(((r, c), "") for c in range(column, column + width))
            placed[row, column] = _text(tree, cell)
            areas.append((row, column, height, width))
            too_long = row >= LIMITS.max_table_rows or column >= LIMITS.max_table_columns
            if too_long or len(placed) > LIMITS.max_table_cells:
                raise ImageError("table_too_large", f"{row + 1} rows, {column + 1} columns or more")
    n_columns = max((column + 1 for _, column in placed), default=0)
    rows = [[placed.get((r, c), "") for c in range(n_columns)] for r in range(n_rows)]
    spans = [(r, c, min(height, n_rows - r), width) for r, c, height, width in areas]
    return rows, [span for span in spans if span[2] * span[3] > 1]


def _rows(tree: Tree) -> Iterator[list[int]]:
    """Yield the cells of each row of the first table."""
    table = next(iter(tree.having(TABLE)), None)
    if table is None:
        return
    cells: dict[int, list[int]] = {}
    for cell in tree.having(CELL):
        cells.setdefault(tree.parents[cell], []).append(cell)
    for row in tree.having(ROW):
        if table < row < tree.ends[table] and _table_of(tree, row) == table:
            yield cells.get(row, [])


def _table_of(tree: Tree, place: int) -> int:
    return next((n for n in tree.ancestors(place) if tree.kinds[n] & TABLE), -1)


def _span(tree: Tree, cell: int, name: str) -> int:
    """Return a span as browsers read it: at least 1, and bounded."""
    digits = tree.attrs(cell).get(name, "").strip()[:4]
    return min(max(int(digits), 1), LIMITS.max_table_columns) if digits.isdecimal() else 1


def _text(tree: Tree, cell: int) -> str:
    end = int(tree.ends[cell])
    is_break = has(tree.starts[cell:end], BREAK).tolist()
    texts = tree.texts[cell + 1 : end + 1]
    return " ".join(
        "".join(f" {t}" if b else t for t, b in zip(texts, is_break, strict=False)).split()
    )
