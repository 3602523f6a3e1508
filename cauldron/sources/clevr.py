"""CLEVR: made-up questions on rendered scenes of simple solids.

Johnson et al. 2017, CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual
Reasoning, arXiv:1612.06890. All questions on one picture become one sample; the hint on a short
answer stands in its first turn only. The programs behind the questions are not kept. The CoGenT
files (trainA, valB, ...) are read only when such a split is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import SHORT_ANSWER, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import SPLITS, first_of, marking_first, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_COGENT = ("trainA", "valA", "valB", "testA", "testB")
_NAMES = {**SPLITS, **{name: (name,) for name in _COGENT}}
_KEPT = ("image_filename", "question", "answer", "question_index", "question_family_index")


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split, _NAMES)
    return first_of(raw, *(f"CLEVR_{name}_questions.json" for name in names))


def _key(row: Row) -> str:
    return text(row.data["image_filename"]).rpartition(".")[0]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from marking_first(
            map(_slim, json_list(raw, file, split, "clevr", "questions")), _key
        )


def _slim(row: Row) -> Row:
    if not isinstance(row.data, dict):
        return row
    return replace(row, data={name: row.data[name] for name in _KEPT if name in row.data})


def _draft(row: Row, picture: Picture) -> Draft | Skip:
    data: dict[str, Any] = row.data
    if data.get("answer") is None:
        return Skip(reason="unlabelled")
    numbers = ("question_index", "question_family_index")
    turn = Turn(
        user=asked(row, data["question"], SHORT_ANSWER if data["first"] else ()),
        assistant=answered(row, data["answer"]),
        extra={name: data[name] for name in numbers if name in data},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image_filename"])
    split = name.split("_")[1] if name.count("_") > 1 else row.split
    tail = f"images/{split}/{name}"
    near = (row.near("..", tail), row.near(tail))
    far = (tail, f"CLEVR_v1.0/{tail}", f"{split}/{name}", name)
    return _draft(row, Picture(path=name, candidates=(*near, *far)))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    return _draft(row, cell_picture(row, row.data["image"]))


SOURCE = Source(
    name="clevr",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="CLEVR_v1.0.zip: CLEVR_v1.0/questions/CLEVR_train_questions.json and "
            "CLEVR_v1.0/images/train/",
        ),
        parquet_form(
            "clevr",
            {"image", "question", "answer"}.issubset,
            _mirror_convert,
            "Parquet with image, question and answer (HuggingFaceM4/clevr, default)",
            gathered=("image",),
        ),
    ),
)
