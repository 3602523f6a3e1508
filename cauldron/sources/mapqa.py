"""MapQA: questions on maps of the United States that are coloured by a value.

Chang et al. 2022, MapQA: A Dataset for Question Answering on Choropleth Maps, arXiv:2211.08545.
Three subsets (synthetic, as published by KFF, drawn again), each with its own numbering. Questions
on one map become one sample. A question whose answer is a list of states gets no brevity hint; one
with an empty list is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._places import above, stem
from cauldron.sources._wording import tight
from cauldron.sources.base import Form, Source

_SPLITS = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}
_ORDER = ("S", "U", "V", "R")
_NAME = re.compile(r"MapQA[_-][SUVR]", re.IGNORECASE)
_KEPT = ("question_id", "map_id", "question_type", "question_template_id", "question", "answer")


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split, _SPLITS)
    found = raw.find(*(f"questions/{name}-QA.json" for name in names))
    found = found or raw.find(*(f"{name}-QA.json" for name in names))
    return sorted(found, key=lambda file: _rank(_subset(file)))


def _subset(file: Found) -> str:
    """Return the subset's folder, `MapQA_S` and so on, which holds `questions/`.

    Of another name only what lies below the raw root counts, so that ids are the same everywhere.
    """
    name = file.folder.split("/")[-2]
    return name if _NAME.fullmatch(name) else "/".join(file.path.split("/")[:-2][-1:])


def _rank(subset: str) -> int:
    letter = subset.rpartition("_")[2].upper()
    return _ORDER.index(letter) if letter in _ORDER else len(_ORDER)


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        for row in json_list(raw, file, split, "mapqa"):
            if isinstance(row.data, dict):
                data = {key: row.data[key] for key in _KEPT if key in row.data}
                row = replace(row, data={**data, "subset": _subset(file)})
            yield row


def _key(row: Row) -> str:
    number = stem(text(row.data["map_id"]))
    return f"{row.data['subset']}/{number}" if row.data["subset"] else number


def _said(answer: Any) -> str:
    if isinstance(answer, bool):
        return "Yes" if answer else "No"
    return ", ".join(map(_said, answer)) if isinstance(answer, list) else text(answer)


def _convert(row: Row) -> Draft | Reject | Skip:
    answer = row.data.get("answer")
    if answer is None:
        return Skip(reason="unlabelled")
    if answer == []:
        return Skip(reason="empty_list")
    question = text(row.data["question"])
    hints = () if isinstance(answer, list) else BRIEF_ANSWER
    turn = Turn(
        user=asked(row, question if row.plain else tight(question), hints),
        assistant=answered(row, _said(answer)),
        extra={
            "question_id": row.data.get("question_id"),
            "question_type": row.data.get("question_type"),
            "template": row.data.get("question_template_id"),
            "answer": answer,
        },
    )
    name = text(row.data["map_id"])
    beside = above(row, "images", name)
    places = (beside, f"{row.data['subset']}/images/{name}") if row.data["subset"] else (beside,)
    picture = Picture(path=name, candidates=places)
    return Draft(images=(picture,), turns=(turn,), extra={"subset": row.data["subset"]})


SOURCE = Source(
    name="mapqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _SPLITS),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="MapQA_S/, MapQA_U/ and MapQA_R/ (or MapQA_V/) of OSU-slatelab/MapQA, each with "
            "questions/train-QA.json and images/",
        ),
    ),
)
