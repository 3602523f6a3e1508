"""OCR-VQA: questions on book covers, made from the books' own records.

Mishra et al. 2019, OCR-VQA: Visual Question Answering by Reading Text in Images, ICDAR. One record
is one cover with its questions in order. Pictures are not part of the download; they lie in
`images/` under the book's number, with the ending of their address.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from cauldron.phrasing import SHORT_ANSWER, answered, asked, text
from cauldron.readers import json_object
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed
from cauldron.sources._records import holds
from cauldron.sources.base import Form, Source

_NUMBERS = {"train": 1, "val": 2, "test": 3}
_ENDINGS = (".jpg", ".png", ".gif", ".jpeg")
_KEPT = ("title", "authorName", "genre", "imageURL", "image_url")


def _files(raw: Raw, split: str) -> list[Found]:
    if not split_names(split):
        return []
    found = raw.find("dataset.json")
    return [f for f in found if holds(_read(raw, f, split), "imageURL", "questions")][:1]


def _read(raw: Raw, found: Found, split: str) -> Iterator[Row]:
    return json_object(raw, found, split, "ocrvqa")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    wanted = _NUMBERS[split_names(split)[0]]
    for file in found:
        for row in _read(raw, file, split):
            other = isinstance(row.data, dict) and row.data.get("split", 1) != wanted
            yield replace(row, data={"skip": "other_split"}) if other else row


def _draft(row: Row, picture: Picture) -> Draft | Reject | Skip:
    questions, answers = row.data["questions"], row.data["answers"]
    turns = tuple(
        _turn(replace(row, record=f"{row.record}/{number}"), asked_, told)
        for number, (asked_, told) in enumerate(zip(questions, answers, strict=False))
    )
    unpaired = abs(len(questions) - len(answers))
    if not turns:
        return Reject(reason="no_question" if not questions else "no_answer")
    return Draft(
        images=(picture,),
        turns=turns,
        extra={key: row.data[key] for key in _KEPT if row.data.get(key) is not None},
        notes={"question_without_answer": unpaired} if unpaired else {},
    )


def _turn(row: Row, asked_: Any, told: Any) -> Turn:
    return Turn(
        user=asked(row, html.unescape(text(asked_)), SHORT_ANSWER),
        assistant=answered(row, html.unescape(text(told))),
    )


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    ending = PurePosixPath(text(row.data["imageURL"])).suffix.partition("?")[0]
    names = [f"{row.record}{e}" for e in dict.fromkeys((ending, *_ENDINGS)) if e]
    candidates = [place for name in names for place in placed(row, name, "images")]
    return _draft(row, Picture(path=names[0], candidates=tuple(candidates)))


SOURCE = Source(
    name="ocrvqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: row.record,
            convert=_convert,
            wanted="dataset.json of ocr-vqa.github.io beside images/",
            pictures="the covers, fetched from their addresses by the script of ocr-vqa.github.io, "
            "as images/<number of the book>.jpg beside dataset.json",
        ),
        parquet_form(
            "ocrvqa",
            lambda has: {"image", "image_id", "questions", "answers"} <= has,
            lambda row: _draft(row, cell_picture(row, row.data["image"])),
            "Parquet of howard-hou/OCR-VQA",
        ),
    ),
)
