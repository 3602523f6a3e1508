"""Shapes that several benchmarks share: VQA question files, document questions, hub answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cauldron.errors import SourceError
from cauldron.evaluate.benchmarks.base import BRIEF, SHOT, SMALL, STOPS, Item, Protocol, letter
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

VQA_PAPER = Protocol(metric="vqa_accuracy_idefics2", prompt=BRIEF, max_new_tokens=16, stops=STOPS)
VQA_ABLATION = Protocol(
    metric="vqa_accuracy_idefics2", prompt=SHOT, shots=4, max_new_tokens=40, limit=SMALL,
    stops=(*STOPS, "\n"),
)  # fmt: skip


def vqa_items(
    place: Place, questions: Sequence[str], annotations: Sequence[str], picture: str
) -> Iterator[Item]:
    """Yield the items of VQA's question and annotation files; `picture` has {image_id}."""
    asked = place.json(*questions)["questions"]
    answered = {a["question_id"]: a for a in place.json(*annotations)["annotations"]}
    for row in asked:
        told = answered.get(row["question_id"])
        if told is None:
            raise SourceError(f"question {row['question_id']} has no annotation", place=place.url)
        yield Item(
            id=str(row["question_id"]),
            question=row["question"],
            images=(place.picture(picture.format(image_id=row["image_id"])),),
            references=tuple(answer["answer"] for answer in told["answers"]),
            fields=_kinds(told),
        )


def vqa_row(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a hub row with ten answers; those of test splits have none."""
    if not row["answers"]:
        return None
    return Item(
        id=str(row["question_id"]),
        question=row["question"],
        images=(stored(row["image"]),),
        references=texts(row["answers"]),
        fields=_kinds(row),
    )


def _kinds(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: row[k] for k in ("question_type", "answer_type", "category") if row.get(k)}


def document_items(place: Place, patterns: Sequence[str]) -> Iterator[Item]:
    """Yield the items of DocVQA's and InfographicVQA's question files."""
    for row in place.json(*patterns)["data"]:
        name = row.get("image_local_name") or row["image"]
        yield Item(
            id=str(row["questionId"]),
            question=row["question"],
            images=(place.picture(name),),
            references=tuple(row["answers"]),
            fields={"question_type": row.get("question_types") or row.get("answer_type") or []},
        )


def document_row(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a hub row of document questions; those of test splits have no answers."""
    if not row.get("answers"):
        return None
    return Item(
        id=str(row["questionId"]),
        question=row["question"],
        images=(stored(row["image"]),),
        references=texts(row["answers"]),
        fields={"question_type": row.get("question_types") or []},
    )


def texts(answers: Sequence[Any]) -> tuple[str, ...]:
    """Return answers given as texts, or as objects with one."""
    return tuple(a["answer"] if isinstance(a, Mapping) else str(a) for a in answers)


def choice_item(
    name: str,
    question: str,
    images: Sequence[Picture],
    choices: Sequence[str],
    answer: int,
    hint: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Item:
    """Return an item with options, whose reference is the letter of the right one."""
    letters = [letter(number) for number in range(len(choices))]
    return Item(
        id=name,
        question=question,
        images=tuple(images),
        references=(letters[answer],),
        choices=tuple(choices),
        hint=hint,
        fields={"choices": letters, **(fields or {})},
    )
