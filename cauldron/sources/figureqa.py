"""FigureQA: yes-or-no questions on synthetic bar, pie and line charts.

Kahou et al. 2018, FigureQA: An Annotated Figure Dataset for Visual Reasoning, arXiv:1710.07300.
All questions on one figure become one sample; only the first one asks for yes or no. Yes and no are
balanced on every figure. Test files have no answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered_yes_no, asked, asked_yes_no, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import marking_first, split_names, splits_of
from cauldron.sources._places import folder_name
from cauldron.sources.base import Form, Source

_SPLITS = {
    "train": ("train1",),
    "validation1": ("validation1", "validation", "val", "dev"),
    "validation2": ("validation2",),
    "test1": ("test1", "no_annot_test1", "test"),
    "test2": ("test2", "no_annot_test2"),
}
_KEPT = ("image_index", "question_string", "question_id", "answer", "color1_name", "color2_name")
_NO_COLOR = "--None--"


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split, _SPLITS)
    return [found for found in raw.find("qa_pairs.json") if folder_name(found) in names][:1]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        rows = json_list(raw, file, split, "figureqa", at="qa_pairs")
        yield from marking_first(map(_slim, rows), _key)


def _slim(row: Row) -> Row:
    if not isinstance(row.data, dict):
        return row
    return replace(row, data={key: row.data[key] for key in _KEPT if key in row.data})


def _key(row: Row) -> str:
    return text(row.data["image_index"])


def _is_yes(answer: Any) -> bool | None:
    """Return what an answer of 0 or 1 says, None for anything else."""
    if isinstance(answer, bool):
        return answer
    return {"0": False, "1": True}.get(str(answer))


def _convert(row: Row) -> Draft | Reject | Skip:
    answer = row.data.get("answer")
    if answer is None:
        return Skip(reason="unlabelled")
    yes = _is_yes(answer)
    if yes is None:
        return Reject(reason="answer_unknown", detail=f"answer {answer!r}")
    question = text(row.data["question_string"])
    colors = [row.data.get("color1_name"), row.data.get("color2_name")]
    turn = Turn(
        user=asked_yes_no(row, question) if row.data["first"] else asked(row, question),
        assistant=answered_yes_no(row, yes),
        extra={
            "template": row.data.get("question_id"),
            "elements": [color for color in colors if color and color != _NO_COLOR],
        },
    )
    name = f"{int(row.data['image_index'])}.png"
    picture = Picture(path=name, candidates=(row.near("png", name),))
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="figureqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _SPLITS),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="figureqa-train1-v1.tar.gz, or train1/ with qa_pairs.json and png/",
        ),
    ),
)
