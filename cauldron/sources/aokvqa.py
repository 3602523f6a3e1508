"""A-OKVQA: multiple-choice questions on COCO photographs, with reasons.

Schwenk et al. 2022, A-OKVQA, arXiv:2206.01718. Half of the questions ask for one of the four
choices, the others for the choice and a reason; which half, and which of the reasons, is told by a
hash of the question's id. All questions on one picture become one sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cauldron.phrasing import asked, raise_first, sentence, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn, content_hash
from cauldron.sources._coco import coco
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

CHOOSE = (
    "Choose one of the options.",
    "Pick the option that fits best.",
    "Select the right answer from the options.",
    "Answer with one of the options.",
    "Which of the options is correct?",
)
EXPLAIN = (
    "Choose one of the options and give a reason, in the form\nAnswer: ...\nRationale: ...",
    "Pick the right option and explain why. Write two lines:\nAnswer: ...\nRationale: ...",
    "Select an option, then justify it. Use this format:\nAnswer: ...\nRationale: ...",
)
_FOLDERS = {
    "train": ("train2017", "train2014"),
    "val": ("val2017", "train2017", "val2014"),
    "test": ("test2017", "test2015"),
}
_KEPT = ("question_id", "direct_answers", "difficult_direct_answer", "rationales")


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *(f"aokvqa_v1p0_{name}.json" for name in split_names(split)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "aokvqa")


def _picked(row: Row, options: Sequence[str], purpose: str) -> str:
    number = content_hash(row.seed, "aokvqa", text(row.data["question_id"]), purpose)
    return options[number % len(options)]


def _options(choices: Sequence[str]) -> str:
    """Return the choices on one line, or one a line where a comma would be misread."""
    if any("," in choice for choice in choices):
        return "Options:\n" + "\n".join(choices)
    return f"Options: {', '.join(choices)}."


def _turn(row: Row, choices: list[str], right: str) -> Turn:
    question = asked(row, row.data["question"])
    reasons = [r.strip() for r in row.data.get("rationales") or () if r and r.strip()]
    options = _options(choices)
    if row.plain:
        user, assistant = f"{question}\n{options}", right
    elif reasons and _picked(row, ("choose", "explain"), "task") == "explain":
        user = f"{question}\n{options}\n{_picked(row, EXPLAIN, 'request')}"
        reason = sentence(_picked(row, reasons, "reason"))
        assistant = f"Answer: {raise_first(right)}\nRationale: {reason}"
    else:
        user = f"{question}\n{options}\n{_picked(row, CHOOSE, 'request')}"
        assistant = sentence(right)
    extra: dict[str, Any] = {key: row.data[key] for key in _KEPT if key in row.data}
    return Turn(
        user=user,
        assistant=assistant,
        extra={**extra, "question": text(row.data["question"]).strip(), "choices": choices},
    )


def _draft(row: Row, picture: Picture) -> Draft | Reject | Skip:
    right = row.data.get("correct_choice_idx")
    if right is None or right == -1:
        return Skip(reason="unlabelled")
    listed = [text(choice).strip() for choice in row.data["choices"]]
    if not 0 <= right < len(listed):
        return Reject(reason="answer_not_among_choices", detail=f"{right} of {len(listed)}")
    choices = list(dict.fromkeys(listed))
    notes = {"repeated_choice_dropped": 1} if len(choices) < len(listed) else {}
    return Draft(images=(picture,), turns=(_turn(row, choices, listed[right]),), notes=notes)


def _convert(row: Row) -> Draft | Reject | Skip:
    folders = _FOLDERS[split_names(row.split)[0]]
    return _draft(row, coco(row, row.data["image_id"], folders))


SOURCE = Source(
    name="aokvqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_convert,
            wanted="aokvqa_v1p0_train.json of aokvqa_v1p0.tar.gz, and train2017/ of COCO",
            pictures="train2017.zip (val2017.zip, test2017.zip) of images.cocodataset.org: name "
            "the folder that holds it, packed or unpacked, as a further raw folder",
        ),
        parquet_form(
            "aokvqa",
            lambda has: {"image", "question", "choices", "correct_choice_idx"} <= has,
            lambda row: _draft(row, cell_picture(row, row.data["image"])),
            "Parquet of HuggingFaceM4/A-OKVQA",
            gathered=("image",),
        ),
    ),
)
