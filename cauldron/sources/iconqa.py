"""IconQA: questions on icon drawings, to be answered by a choice of texts or by filling in.

Lu et al. 2021, IconQA: A New Benchmark for Abstract Diagram Understanding and Visual Language
Reasoning, arXiv:2110.13214. Each problem is a folder. Problems whose choices are pictures
(choose_img) are left out, as in the published build.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from cauldron.phrasing import answered_letter, asked_choice, text
from cauldron.readers import json_file
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources.base import Form, Source

FILL_IN = (
    "Fill in the blank.",
    "Complete the sentence: what belongs in the blank?",
    "Write what is missing in the blank.",
    "What goes into the blank?",
)
_TASKS = ("choose_txt", "fill_in_blank", "choose_img")
_BLANK = "(_)"
_KEPT = ("ques_type", "grade", "label", "unit", "hint")


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split):
        found = raw.find(*(f"{name}/{task}/*/data.json" for task in _TASKS))
        if found:
            return found
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        if "/choose_img/" in file.path:
            yield Row(
                file=file.path,
                record="",
                data={"skip": "choices_are_pictures"},
                folder=file.folder,
                split=split,
                source="iconqa",
            )
        else:
            yield json_file(raw, file, split, "iconqa")


def _key(row: Row) -> str:
    """Return sub-task and number: the numbers alone come back in each sub-task."""
    return "/".join(PurePosixPath(row.file).parts[-3:-1])


def _filled(row: Row, words: str) -> str:
    """Return a question to fill in, with a request where it does not make one itself."""
    asks = _BLANK in words and "fill in the blank" not in words.lower()
    return f"{row.pick(FILL_IN, 'request')}\n{words}" if asks and not row.plain else words


def _turn(row: Row) -> Turn | Reject:
    data: dict[str, Any] = row.data
    words = text(data["question"]).strip()
    hint = text(data.get("hint") or "").strip()
    told = f"{hint}\n{words}" if hint else words
    extra = {"question": words, **{name: data[name] for name in _KEPT if data.get(name)}}
    if "choices" not in data:
        answer = text(data["answer"]).strip()
        return Turn(user=_filled(row, told), assistant=answer, extra=extra)
    options, right = data["choices"], data["answer"]
    if isinstance(right, bool) or not 0 <= right < len(options):
        return Reject(reason="answer_not_among_choices", detail=f"answer {right!r}")
    user = asked_choice(row, told, options)
    return Turn(user=user, assistant=answered_letter(row, right), extra=extra)


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    turn = _turn(row)
    if isinstance(turn, Reject):
        return turn
    picture = Picture(path="image.png", candidates=(row.near("image.png"),))
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="iconqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="iconqa_data.zip: iconqa_data/iconqa/train/choose_txt/<id>/data.json beside "
            "image.png",
        ),
    ),
)
