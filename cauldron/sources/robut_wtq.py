"""RobuT over WikiTableQuestions: questions on tables of Wikipedia, many in changed forms.

Zhao et al. 2023, RobuT, arXiv:2306.14321; Pasupat and Liang 2015, Compositional Semantic Parsing on
Semi-Structured Tables, arXiv:1508.00305. A third form reads WikiTableQuestions itself, where all
questions on one table become one sample.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import answered, asked, text
from cauldron.readers import csv_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, splits_of
from cauldron.sources._robut import rejoined, robut_forms
from cauldron.sources._tables import drawn, table_picture
from cauldron.sources._wording import tight
from cauldron.sources.base import Form, Source

_FILES = {
    "train": ("training.tsv",),
    "dev": ("random-split-1-dev.tsv",),
    "test": ("pristine-unseen-tables.tsv",),
}
_ALIASES = {"val": "dev", "validation": "dev"}
_ESCAPED = re.compile(r"\\([np\\])")
_MEANT = {"n": "\n", "p": "|", "\\": "\\"}


def _said(row: Row) -> tuple[tuple[Turn, ...], dict[str, int]]:
    turn = Turn(
        user=asked(row, tight(text(row.data["question"]))),
        assistant=answered(row, rejoined(row.data["answers"])),
        extra={"answers": row.data["answers"]},
    )
    return (turn,), {}


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *_FILES.get(_ALIASES.get(split, split), ()))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from csv_rows(raw, file, split, "robut_wtq", delimiter="\t", quote="")


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the table of a question from its own file."""
    name = row.data["context"]
    places = (row.near("..", name), row.near(name))
    place = next((url for url in places if raw.exists(url)), "")
    if not place:
        return (Reject(reason="table_missing", detail=name),)
    try:
        payload = raw.read(place, LIMITS.max_html_bytes)
    except StorageError as error:
        return (Reject(reason="table_unreadable", detail=error.message),)
    return (replace(row, data={**row.data, "table": table_rows(payload)}),)


def table_rows(payload: bytes) -> list[list[str]]:
    """Return the rows of a table file: a quote inside a cell has a backslash in front of it.

    Raises:
        ValueError: if it is not such a file.
    """
    lines = io.StringIO(payload.decode("utf-8-sig").replace("\r\n", "\n"), newline="")
    try:
        rows = list(csv.reader(lines, doublequote=False, escapechar="\\"))
    except csv.Error as error:
        raise ValueError(f"not a table: {error}") from error
    return [row for row in rows if row]


def _plain(value: str) -> str:
    """Return a field of the TSV files without its escapes."""
    return _ESCAPED.sub(lambda match: _MEANT[match[1]], value)


def _convert(row: Row) -> Draft | Reject | Skip:
    answers = [_plain(part) for part in row.data["targetValue"].split("|")]
    drawing = drawn(row, row.data["table"])
    turn = Turn(
        user=asked(row, tight(_plain(row.data["utterance"]))),
        assistant=answered(row, rejoined(answers)),
        extra={"id": row.data["id"], "answers": answers},
    )
    extra = {"drawn": drawing.facts}
    return Draft(images=(table_picture(drawing),), turns=(turn,), extra=extra)


SOURCE = Source(
    name="robut_wtq",
    forms=(
        *robut_forms("robut_wtq", "wtq", _said, percent=15),
        Form(
            name="wikitablequestions",
            files=_files,
            splits=splits_of(_files, dict.fromkeys(_FILES, ())),
            rows=_rows,
            key=lambda row: row.data["context"].removeprefix("csv/").removesuffix(".csv"),
            convert=_convert,
            open=_open,
            wanted="ppasupat/WikiTableQuestions: data/training.tsv and csv/",
        ),
    ),
)
