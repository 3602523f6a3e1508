"""Visual7W telling: multiple-choice questions on photographs of COCO and Visual Genome.

Zhu et al. 2016, Visual7W, arXiv:1511.03416. The right answer is put among the wrong ones at a place
told by a hash of the question's id. A wrong option that says the same as another one is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered_letter, asked_choice, collapse, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn, content_hash
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import placed, stem
from cauldron.sources.base import Form, Source


def _files(raw: Raw, split: str) -> list[Found]:
    if not split_names(split):
        return []
    return first_of(raw, "dataset_v7w_telling.json", "visual7w-telling/dataset.json")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    names = split_names(split)
    for file in found:
        for row in json_list(raw, file, split, "visual7w", at="images"):
            other = isinstance(row.data, dict) and row.data.get("split") not in names
            yield replace(row, data={"skip": "other_split"}) if other else row


def _turn(row: Row, pair: dict[str, Any]) -> tuple[Turn | None, int]:
    """Return the question, None where no wrong option is left, and how many options repeat."""
    right = text(pair["answer"]).strip()
    wrong: dict[str, str] = {}
    for option in pair["multiple_choices"]:
        said = text(option).strip()
        if said and _told(said) != _told(right):
            wrong.setdefault(_told(said), said)
    repeats = len(pair["multiple_choices"]) - len(wrong)
    if not wrong:
        return None, repeats
    place = content_hash(row.seed, "visual7w", text(pair["qa_id"]), "place") % (len(wrong) + 1)
    options = list(wrong.values())
    options.insert(place, right)
    turn = Turn(
        user=asked_choice(row, pair["question"], options),
        assistant=answered_letter(row, place),
        extra={
            "question": text(pair["question"]).strip(),
            "qa_id": pair["qa_id"],
            "type": pair.get("type"),
        },
    )
    return turn, repeats


def _told(option: str) -> str:
    return collapse(option).casefold().rstrip(". ")


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    pairs = row.data["qa_pairs"]
    if any(not isinstance(pair["answer"], str) for pair in pairs):
        return Reject(reason="answer_not_text", detail="boxes of the pointing task?")
    made = [_turn(row, pair) for pair in pairs]
    turns = tuple(turn for turn, _ in made if turn)
    if not turns:
        return Skip(reason="too_few_choices" if pairs else "no_question")
    counted = {
        "repeated_choice_dropped": sum(repeats for _, repeats in made),
        "too_few_choices": len(made) - len(turns),
    }
    name = text(row.data.get("filename") or f"v7w_{row.data['image_id']}.jpg")
    picture = Picture(path=name, candidates=placed(row, name, "images", "visual7w_images"))
    notes = {reason: number for reason, number in counted.items() if number}
    return Draft(images=(picture,), turns=turns, notes=notes)


def _key(row: Row) -> str:
    named = row.data.get("image_id")
    return text(named) if named is not None else stem(row.data["filename"])


SOURCE = Source(
    name="visual7w",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="dataset_v7w_telling.json of dataset_v7w_telling.zip, and images/ of "
            "visual7w_images.zip",
            pictures="visual7w_images.zip of ai.stanford.edu/~yukez/visual7w: put images/ beside "
            "the questions, or name the folder that holds it as a further raw folder",
        ),
    ),
)
