"""HiTab: questions on statistical tables whose headers have several levels.

Cheng et al. 2022, HiTab: A Hierarchical Table Dataset for Question Answering and Natural Language
Generation, arXiv:2108.06712. The table is drawn with its merged cells and all of its header rows;
all questions on it become one sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import answered, asked, text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._tables import Area, cells_of, drawn, header_rows, table_picture
from cauldron.sources.base import Form, Source

_NAMES = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}
_KEPT = ("id", "answer", "aggregation", "table_source")


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *(f"{name}_samples.jsonl" for name in split_names(split, _NAMES)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_lines(raw, file, split, "hitab")


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the table of a question from its own file."""
    name = f"{text(row.data['table_id'])}.json"
    places = (row.near("tables", "raw", name), row.near("raw", name), row.near("tables", name))
    place = next((url for url in places if raw.exists(url)), "")
    if not place:
        return (Reject(reason="table_missing", detail=name),)
    try:
        table = orjson.loads(raw.read(place, LIMITS.max_html_bytes))
    except StorageError as error:
        return (Reject(reason="table_unreadable", detail=error.message),)
    return (replace(row, data={**row.data, "table": table}),)


def _convert(row: Row) -> Draft | Reject | Skip:
    table = row.data["table"]
    cells = cells_of(table["texts"])
    merges = [_area(region) for region in table.get("merged_regions") or ()]
    drawing = drawn(
        row,
        cells,
        headers=_header(table, cells, merges),
        header_columns=max(int(table.get("left_header_columns_num") or 0), 0),
        merges=merges,
    )
    answer = row.data["answer"]
    items = answer if isinstance(answer, list) else [answer]
    turn = Turn(
        user=asked(row, row.data["question"]),
        assistant=answered(row, ", ".join(text(item).strip() for item in items)),
        extra={name: row.data[name] for name in _KEPT if name in row.data},
    )
    extra = {"title": table.get("title"), "table": table["texts"], "drawn": drawing.facts}
    return Draft(images=(table_picture(drawing),), turns=(turn,), extra=extra)


def _area(region: dict[str, Any]) -> Area:
    row, column = int(region["first_row"]), int(region["first_column"])
    return row, column, int(region["last_row"]) - row + 1, int(region["last_column"]) - column + 1


def _header(table: dict[str, Any], cells: list[list[str]], merges: list[Area]) -> int:
    """Return the number of header rows: as stated, or as deep as the cell in the corner."""
    stated = int(table.get("top_header_rows_num") or 0)
    corner = next((height for row, column, height, _ in merges if row == column == 0), 0)
    return stated if stated > 0 else corner or header_rows(cells)


SOURCE = Source(
    name="hitab",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=lambda row: text(row.data["table_id"]),
            convert=_convert,
            open=_open,
            wanted="data/ of microsoft/HiTab: train_samples.jsonl and tables.zip (tables/raw/)",
        ),
    ),
)
