"""HiTab: questions on statistical tables whose headers have several levels.

Cheng et al. 2022, HiTab: A Hierarchical Table Dataset for Question Answering and Natural Language
Generation, arXiv:2108.06712. The table is drawn with its merged cells and all of its header rows;
all questions on it become one sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import answered, asked, text
from cauldron.readers import json_lines, parquet_rows
from cauldron.readers.encoding import BOM
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import parquet_files
from cauldron.sources._tables import Area, cells_of, drawn, header_rows, table_picture
from cauldron.sources.base import Form, Source

_NAMES = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}
_WHOLE = re.compile(r"^(-?\d+)\.0$")
_TABLES = ("table", "table_content")
_KEPT = ("id", "answer", "aggregation", "table_source")


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *(f"{name}_samples.jsonl" for name in split_names(split, _NAMES)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_lines(raw, file, split, "hitab")


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the table of a question from its own file."""
    name = f"{text(row.data['table_id'])}.json"
    folders = (("tables", "raw"), ("raw",), ("tables",), ("tables", "hmt"), ("hmt",))
    places = [row.near(*folder, name) for folder in folders]
    place = next((url for url in places if raw.exists(url)), "")
    if not place:
        return (Reject(reason="table_missing", detail=name),)
    try:
        table = orjson.loads(raw.read(place, LIMITS.max_html_bytes).removeprefix(BOM))
    except StorageError as error:
        return (Reject(reason="table_unreadable", detail=error.message),)
    return (replace(row, data={**row.data, "table": table}),)


def _mirror_files(raw: Raw, split: str) -> list[Found]:
    return parquet_files(raw, split_names(split, _NAMES), _is_copy)


def _is_copy(columns: set[str]) -> bool:
    return {"table_id", "question", "answer"} <= columns and bool(columns & set(_TABLES))


def _mirror_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for row in parquet_rows(raw, found, split, "hitab"):
        if isinstance(row.data, dict):
            row = replace(row, data={name: _loaded(value) for name, value in row.data.items()})
        yield row


def _loaded(value: Any) -> Any:
    """Return a field of the copy that writes all of them as JSON; other text stays as it is."""
    if not isinstance(value, str) or value[:1] not in ('"', "[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    table = next(row.data[name] for name in _TABLES if row.data.get(name))
    texts = table if isinstance(table, list) else table.get("texts") or table["cells"]
    about = {} if isinstance(table, list) else table
    cells = [[_cell(cell) for cell in line] for line in texts]
    answer = row.data["answer"]
    said = [_WHOLE.sub(r"\1", a) if isinstance(a, str) else a for a in answer or ()]
    facts = {"answer": said if isinstance(answer, list) else answer}
    return _convert(replace(row, data={**row.data, **facts, "table": {**about, "texts": cells}}))


def _cell(cell: Any) -> Any:
    return cell.get("text", cell.get("value")) if isinstance(cell, dict) else cell


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
        Form(
            name="mirror",
            files=_mirror_files,
            splits=splits_of(_mirror_files, _NAMES),
            rows=_mirror_rows,
            key=lambda row: text(row.data["table_id"]),
            convert=_mirror_convert,
            wanted="Parquet of zhoujun/hitab or kasnerz/hitab, the table in each row",
        ),
    ),
)
