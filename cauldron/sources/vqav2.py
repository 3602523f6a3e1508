"""VQA v2.0: free-form questions on COCO photographs, ten answers each.

Goyal et al. 2017, Making the V in VQA Matter, arXiv:1612.00837. The answer is the most frequent of
the ten as typed, of equals the one seen first; all questions on one picture become one sample.
Questions and annotations are joined as streams.
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

_PREFIX = "v2_"
_KEPT = ("question_id", "question_type", "answer_type", "multiple_choice_answer")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    yield from voted_rows(raw, found, split, "vqav2")


def _draft(row: Row, votes: list[Any], facts: dict[str, Any], picture: Picture) -> Draft:
    turn = Turn(
        user=asked(row, row.data["question"], BRIEF_ANSWER),
        assistant=answered(row, majority(votes)),
        extra={key: facts[key] for key in _KEPT if key in facts}
        | {"answers": [text(vote) for vote in votes]},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    voted = row.data["voted"]
    if voted is None:
        return unvoted(row)
    picture = coco_of(row, row.data["image_id"])
    return _draft(row, voted["answers"], voted, picture)


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    votes = words_of(row.data["answers"])
    picture = cell_picture(row, row.data["image"])
    return _draft(row, votes, row.data, picture) if votes else unvoted(row)


SOURCE = Source(
    name="vqav2",
    forms=(
        Form(
            name="official",
            files=lambda raw, split: question_files(raw, _PREFIX, split),
            splits=splits_of(lambda raw, split: listed(raw, _PREFIX, split)),
            rows=_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_convert,
            wanted="v2_OpenEnded_mscoco_train2014_questions.json and "
            "v2_mscoco_train2014_annotations.json of visualqa.org, and train2014/ of COCO",
            pictures=COCO_PICTURES,
        ),
        parquet_form(
            "vqav2",
            lambda has: {"image", "question", "answers", "question_id"} <= has,
            _mirror_convert,
            "Parquet with image, question, answers, question_id (lmms-lab/VQAv2)",
            gathered=("image",),
        ),
    ),
)
