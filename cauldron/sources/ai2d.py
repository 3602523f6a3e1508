"""AI2D: multiple-choice questions on science diagrams of grade school.

Kembhavi et al. 2016, A Diagram Is Worth a Dozen Images, arXiv:1603.07396. All questions on one
diagram become one sample. Questions that ask for a letter drawn into the diagram are left out: the
letters stand only in a second picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cauldron.errors import SourceError
from cauldron.phrasing import answered_letter, asked_choice, text
from cauldron.readers import json_file
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form, Source

_TEST_IDS = "ai2d_test_ids.csv"


def _files(raw: Raw, split: str) -> list[Found]:
    if split not in ("train", "test"):
        return []
    questions = raw.find("questions/*.json")
    if questions and not raw.find(_TEST_IDS):
        raise SourceError(
            f"{_TEST_IDS} is missing, so test diagrams cannot be told from training ones",
            place=", ".join(raw.roots),
            hint="download it beside ai2d-all.zip and name its folder as a further raw folder",
        )
    return questions


def _splits(raw: Raw) -> list[str]:
    return ["train", "test"] if raw.find("questions/*.json") else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    lines = raw.read(raw.find(_TEST_IDS)[0].url).decode("utf-8-sig", "replace").split()
    test = {int(digits) for line in lines if (digits := re.sub(r"\D", "", line))}
    for file in found:
        row = json_file(raw, file, split, "ai2d")
        number = _number(file.path)
        if (number in test) != (split == "test"):
            yield replace(row, data={"skip": "other_split", "number": number})
        elif isinstance(row.data, dict):
            yield replace(row, data={**row.data, "number": number})
        else:
            yield row


def _number(path: str) -> int | None:
    match = re.match(r"\s*(\d+)", path.rpartition("/")[2])
    return int(match.group(1)) if match else None


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    asked = row.data["questions"]
    turns = []
    for words, item in asked.items():
        if item.get("abcLabel"):
            continue
        options = item["answerTexts"]
        right = item["correctAnswer"]
        if not 0 <= right < len(options):
            return Reject(reason="answer_not_among_choices", detail=f"{words}: {right}")
        turns.append(
            Turn(
                user=asked_choice(row, words, options),
                assistant=answered_letter(row, right),
                extra={"question_id": item.get("questionId")},
            )
        )
    dropped = len(asked) - len(turns)
    if not turns:
        return Skip(reason="letter_questions_only" if asked else "no_question")
    name = text(row.data["imageName"]).strip()
    picture = Picture(
        path=name, candidates=(row.near("..", "images", name), f"images/{name}", name)
    )
    notes = {"letter_question_dropped": dropped} if dropped else {}
    return Draft(images=(picture,), turns=tuple(turns), notes=notes)


SOURCE = Source(
    name="ai2d",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: str(row.data["number"]),
            convert=_convert,
            wanted="ai2d-all.zip (ai2d/questions, ai2d/images) and ai2d_test_ids.csv",
        ),
    ),
)
