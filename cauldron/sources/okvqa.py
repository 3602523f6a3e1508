"""OK-VQA: questions on COCO photographs that need knowledge from outside the picture.

Marino et al. 2019, OK-VQA, arXiv:1906.00067. Five people answered, each is entered twice. The
answer is the most frequent of the words as typed (`raw_answer`), of equals the one seen first;
their stemmed form stays beside it for scoring. Questions and annotations are joined as streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, majority, text
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._coco import COCO_PICTURES, coco_of
from cauldron.sources._layouts import splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._vqa import listed, question_files, unvoted, voted_rows, words_of
from cauldron.sources.base import Form, Source

_KEPT = ("question_id", "question_type", "answer_type", "confidence")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    yield from voted_rows(raw, found, split, "okvqa")


def _draft(row: Row, votes: list[Any], facts: dict[str, Any], picture: Picture) -> Draft:
    extra = {key: facts[key] for key in _KEPT if key in facts}
    extra["answers"] = [text(vote) for vote in facts.get("answers", votes)]
    if votes != extra["answers"]:
        extra["raw_answers"] = [text(vote) for vote in votes]
    turn = Turn(
        user=asked(row, row.data["question"], BRIEF_ANSWER),
        assistant=answered(row, majority(votes)),
        extra=extra,
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    voted = row.data["voted"]
    if voted is None:
        return unvoted(row)
    picture = coco_of(row, row.data["image_id"])
    return _draft(row, voted.get("raw_answers") or voted["answers"], voted, picture)


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    answers = row.data["answers"] or ()
    words = words_of(answers)
    if not words:
        return unvoted(row)
    typed = all(isinstance(vote, dict) and vote.get("raw_answer") for vote in answers)
    votes = words_of(answers, "raw_answer") if typed else words
    return _draft(row, votes, {**row.data, "answers": words}, cell_picture(row, row.data["image"]))


SOURCE = Source(
    name="okvqa",
    forms=(
        Form(
            name="official",
            files=lambda raw, split: question_files(raw, "", split),
            splits=splits_of(lambda raw, split: listed(raw, "", split)),
            rows=_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_convert,
            wanted="OpenEnded_mscoco_train2014_questions.json and "
            "mscoco_train2014_annotations.json of okvqa.allenai.org, and train2014/ of COCO",
            pictures=COCO_PICTURES,
        ),
        parquet_form(
            "okvqa",
            lambda has: {"image", "question", "answers"} <= has,
            _mirror_convert,
            "Parquet with image, question, answers (lmms-lab/OK-VQA)",
            gathered=("image",),
        ),
    ),
)
