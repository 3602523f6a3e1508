"""ScienceQA: multiple-choice questions of school science, those that come with a picture.

Lu et al. 2022, Learn to Explain: Multimodal Reasoning via Thought Chains for Science Question
Answering, arXiv:2209.09513. A lecture stands in front of the question and a hint behind it, as
published; plain prompts leave the lecture out. The worked solution is kept beside the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from cauldron.phrasing import answered_letter, asked_choice, text
from cauldron.readers import json_object
from cauldron.readers.encoding import BOM
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import SPLITS, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_NAMES = {**SPLITS, **{name: (name,) for name in ("trainval", "minitrain", "minival", "minitest")}}
_KEPT = ("solution", "lecture", "task", "grade", "subject", "topic", "category", "skill")


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split, _NAMES)
    found = raw.find("problems.json") if names else []
    if names and names[0] not in SPLITS:
        found = [f for f in found if raw.exists(f"{f.folder}/pid_splits.json")]
    return found[:1]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        wanted = _listed(raw, file, split)
        for row in json_object(raw, file, split, "scienceqa"):
            if not isinstance(row.data, dict):
                yield row
            elif row.record not in wanted if wanted else row.data.get("split") != _own(split):
                yield replace(row, data={"skip": "other_split"})
            elif not row.data.get("image"):
                yield replace(row, data={"skip": "without_picture"})
            else:
                yield row


def _own(split: str) -> str:
    return split_names(split, _NAMES)[0]


def _listed(raw: Raw, file: Found, split: str) -> set[str]:
    """Return the problem numbers of a split that no problem names itself, such as minitrain."""
    if _own(split) in SPLITS:
        return set()
    listed = raw.read(f"{file.folder}/pid_splits.json").removeprefix(BOM)
    return set(orjson.loads(listed)[split])


def _draft(row: Row, picture: Picture) -> Draft | Reject:
    data: dict[str, Any] = row.data
    options, right = data["choices"], data["answer"]
    if isinstance(right, bool) or not 0 <= right < len(options):
        return Reject(reason="answer_not_among_choices", detail=f"answer {right!r}")
    words, hint, lecture = (
        text(data.get(k) or "").strip() for k in ("question", "hint", "lecture")
    )
    told = f"{words}\n{hint if row.plain else f'Hint: {hint}'}" if hint else words
    asked = asked_choice(row, told, options)
    turn = Turn(
        user=f"Lecture: {lecture}\n{asked}" if lecture and not row.plain else asked,
        assistant=answered_letter(row, right),
        extra={"question": words, **{name: data[name] for name in _KEPT if data.get(name)}},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    name = text(row.data["image"])
    tail = f"{text(row.data['split'])}/{row.record}/{name}"
    near = (row.near("images", tail), row.near(tail))
    picture = Picture(path=name, candidates=(*near, f"images/{tail}", tail))
    return _draft(row, picture)


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    if row.data["image"] is None:
        return Skip(reason="without_picture")
    return _draft(row, cell_picture(row, row.data["image"]))


SOURCE = Source(
    name="scienceqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=lambda row: row.record,
            convert=_convert,
            wanted="data/scienceqa of lupantech/ScienceQA: problems.json, pid_splits.json and "
            "images/ (train.zip, val.zip, test.zip)",
        ),
        parquet_form(
            "scienceqa",
            {"image", "question", "choices", "answer", "hint", "lecture"}.issubset,
            _mirror_convert,
            "Parquet of derek-thomas/ScienceQA or lmms-lab/ScienceQA",
        ),
    ),
)
