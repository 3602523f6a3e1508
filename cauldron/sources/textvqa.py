"""TextVQA: questions on the text in photographs, ten answers each.

Singh et al. 2019, Towards VQA Models That Can Read, arXiv:1904.08920. The answer is the most
frequent of the ten after stripping, of equals the one seen first; questions whose answer says that
there is none are left out. Pictures of train and val lie in one folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import SHORT_ANSWER, answered, asked, majority, text
from cauldron.readers import json_list, paired
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._coco import open_images
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

NO_ANSWER = frozenset(
    {
        "unanswerable",
        "n/a",
        "na",
        "answering does not require reading text in the image",
        "answering does not require reading text in image",
        "not answerable",
    }
)
_NAMES = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}
_ALIASES = {"validation": "val", "dev": "val"}


def _names(split: str) -> tuple[str, ...]:
    return _NAMES.get(_ALIASES.get(split, split), ())


def _files(raw: Raw, split: str) -> list[Found]:
    for name in _names(split):
        found = raw.find(f"TextVQA_*_{name}.json")
        found = [f for f in found if "Rosetta" not in f.path]
        if found:
            return found[:1]
    return []


def _splits_of(files: Any) -> Any:
    return lambda raw: [split for split in _NAMES if files(raw, split)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "textvqa", at="data")


def _draft(row: Row, question: Any, votes: Any, picture: Picture) -> Draft | Skip:
    if votes is None or len(votes) == 0:
        return Skip(reason="unlabelled")
    answer = majority(votes)
    if answer.lower() in NO_ANSWER:
        return Skip(reason="unanswerable")
    turn = Turn(
        user=asked(row, question, SHORT_ANSWER),
        assistant=answered(row, answer),
        extra={"question_id": row.data.get("question_id"), "answers": [text(v) for v in votes]},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    return _draft(row, row.data["question"], row.data.get("answers"), open_images(row))


def _vqa_files(raw: Raw, split: str) -> list[Found]:
    for name in _names(split):
        found = raw.find(f"{name}_questions_vqa_format.json")
        if found:
            return found[:1]
    return []


def _vqa_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        name = file.path.rpartition("/")[2].replace("_questions_", "_annotations_")
        votes: Iterator[Row] = iter(())
        for other in raw.find(name)[:1]:
            votes = json_list(raw, other, split, "textvqa", at="annotations")
        questions = json_list(raw, file, split, "textvqa", at="questions")
        for row, voted in paired(questions, votes, lambda data: data["question_id"]):
            if not isinstance(row.data, dict):
                yield row
                continue
            yield replace(row, data={**row.data, "voted": voted.data if voted else None})


def _vqa_convert(row: Row) -> Draft | Reject | Skip:
    voted = row.data["voted"]
    votes = [vote["answer"] for vote in voted["answers"]] if voted else None
    return _draft(row, row.data["question"], votes, open_images(row))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    name = f"{text(row.data['image_id'])}.jpg"
    picture = cell_picture(row, row.data["image"], name)
    return _draft(row, row.data["question"], row.data.get("answers"), picture)


SOURCE = Source(
    name="textvqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_convert,
            wanted="TextVQA_0.5.1_train.json beside train_images/ (and test_images/)",
        ),
        Form(
            name="vqa",
            files=_vqa_files,
            splits=_splits_of(_vqa_files),
            rows=_vqa_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_vqa_convert,
            wanted="train_questions_vqa_format.json with train_annotations_vqa_format.json",
        ),
        parquet_form(
            "textvqa",
            {"image", "image_id", "question", "answers"}.issubset,
            _mirror_convert,
            "Parquet of facebook/textvqa",
            splits=_NAMES,
            gathered=("image",),
        ),
    ),
)
