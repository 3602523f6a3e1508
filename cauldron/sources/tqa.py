"""TQA: questions on diagrams of science textbooks for middle school.

Kembhavi et al. 2017, Are You Smarter Than a Sixth Grader? Textbook Question Answering for
Multimodal Machine Comprehension, CVPR 2017. A file holds lessons; all diagram questions on one
picture become one sample. Questions without a diagram are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered_letter, asked_choice, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources.base import Form, Source

_KIND = "Diagram Multiple Choice"


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split):
        found = raw.find(f"tqa_v*_{name}.json")
        if found:
            return found[:1]
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        for lesson in json_list(raw, file, split, "tqa"):
            try:
                yield from _questions(lesson)
            except (KeyError, TypeError, AttributeError) as error:
                detail = f"{type(error).__name__}: {error}"
                yield replace(lesson, data=Reject(reason="malformed_record", detail=detail))


def _questions(lesson: Row) -> Iterator[Row]:
    """Yield one row a question of a lesson; `record` is the question's own name."""
    asked = lesson.data["questions"]
    about = {"lesson": lesson.data.get("lessonName"), "group": lesson.data.get("metaLessonID")}
    other, drawn = asked.get("nonDiagramQuestions") or {}, asked.get("diagramQuestions") or {}
    rows: list[tuple[str, Any]] = [(name, {"skip": "question_without_diagram"}) for name in other]
    rows += [(name, {**question, "about": about}) for name, question in drawn.items()]
    if not rows:
        rows.append((lesson.record, {"skip": "lesson_without_questions"}))
    for name, data in rows:
        yield replace(lesson, record=name, data=data)


def _convert(row: Row) -> Draft | Reject | Skip:
    data: dict[str, Any] = row.data
    if "skip" in data:
        return Skip(reason=data["skip"])
    if data["questionType"] != _KIND:
        return Reject(reason="question_type_unknown", detail=text(data["questionType"]))
    letters = sorted(data["answerChoices"], key=str.lower)
    options = [text(data["answerChoices"][letter]["processedText"]).strip() for letter in letters]
    right = text(data["correctAnswer"]["processedText"]).strip().lower().rstrip(".)")
    places = [letter.lower() for letter in letters]
    if right not in places:
        return Reject(reason="answer_not_among_choices", detail=right)
    turn = Turn(
        user=asked_choice(row, data["beingAsked"]["processedText"], options),
        assistant=answered_letter(row, places.index(right)),
        extra={"question_id": row.record, **data["about"]},
    )
    path = text(data["imagePath"])
    split = row.file.split("/")[-2] if "/" in row.file else row.split
    candidates = (row.near(path), f"{split}/{path}", path)
    picture = Picture(path=path.rpartition("/")[2], candidates=candidates)
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="tqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["imagePath"]).rpartition(".")[0],
            convert=_convert,
            wanted="tqa_train_val_test.zip: train/tqa_v1_train.json beside train/question_images/",
        ),
    ),
)
