"""The layout of the VQA challenge: a file of questions and a file of annotations, ten votes each.

The two are joined on `question_id` as streams; official files stand in the same order. Where they
do not, the small fields of annotations that come before their question are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.errors import SourceError
from cauldron.readers import json_list, paired
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject, Skip
from cauldron.sources._layouts import split_names

_YEARS = {"train": ("train2014",), "val": ("val2014",), "test": ("test2015", "test-dev2015")}
_KEPT = ("question_id", "question_type", "answer_type", "multiple_choice_answer", "confidence")


def question_files(raw: Raw, prefix: str, split: str) -> list[Found]:
    """Return the file of questions of a split: `<prefix>OpenEnded_mscoco_train2014_questions.json`.

    Raises:
        SourceError: if its annotations are missing; those of test were never published.
    """
    found = listed(raw, prefix, split)
    if found and _own(split) != "test" and not _annotations(raw, found[0]):
        raise SourceError(
            f"{_annotations_name(found[0])} is missing: there are questions but no answers",
            place=", ".join(raw.roots),
            hint="download it too and name its folder as a further raw folder",
        )
    return found


def listed(raw: Raw, prefix: str, split: str) -> list[Found]:
    """Return the file of questions of a split, whether or not its annotations are there."""
    for year in _YEARS.get(_own(split), ()):
        found = raw.find(f"{prefix}OpenEnded_mscoco_{year}_questions.json")
        if found:
            return found[:1]
    return []


def _own(split: str) -> str:
    return next(iter(split_names(split)), "")


def _annotations_name(questions: Found) -> str:
    name = questions.path.rpartition("/")[2]
    return name.replace("OpenEnded_", "").replace("_questions", "_annotations")


def _annotations(raw: Raw, questions: Found) -> list[Found]:
    return raw.find(_annotations_name(questions))[:1]


def voted_rows(raw: Raw, found: list[Found], split: str, source: str) -> Iterator[Row]:
    """Rows of the questions, each with its annotation as `voted`, None where there is none."""
    for file in found:
        votes: Iterator[Row] = iter(())
        for other in _annotations(raw, file):
            votes = map(_slim, json_list(raw, other, split, source, at="annotations"))
        questions = json_list(raw, file, split, source, at="questions")
        for row, voted in paired(questions, votes, lambda data: data["question_id"]):
            if isinstance(row.data, dict):
                yield replace(row, data={**row.data, "voted": voted.data if voted else None})
            else:
                yield row


def _slim(row: Row) -> Row:
    """Keep the answers as lists of words; a malformed annotation stays as it is."""
    if not isinstance(row.data, dict) or not isinstance(row.data.get("answers"), list):
        return row
    kept: dict[str, Any] = {key: row.data[key] for key in _KEPT if key in row.data}
    for field, name in (("answer", "answers"), ("raw_answer", "raw_answers")):
        words = [vote.get(field) for vote in row.data["answers"] if isinstance(vote, dict)]
        if any(word is not None for word in words):
            kept[name] = [word for word in words if word is not None]
    return replace(row, data=kept)


def unvoted(row: Row) -> Reject | Skip:
    """Return what becomes of a question without an annotation."""
    if _own(row.split) == "test":
        return Skip(reason="unlabelled")
    return Reject(reason="annotation_missing", detail=f"question {row.data.get('question_id')}")


def words_of(answers: Any, field: str = "answer") -> list[str]:
    """Return the votes of a mirror's row: plain words, or structs that hold them in a field."""
    return [vote if isinstance(vote, str) else vote[field] for vote in answers or ()]
