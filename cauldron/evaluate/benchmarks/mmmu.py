"""MMMU: college-level questions of 30 subjects, some with several pictures.

Yue et al. 2023, arXiv:2311.16502. The files as released are the hub's Parquet, one folder a
subject; JSON lines of the same columns with picture files are read too.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import (
    BRIEF,
    LETTER,
    STOPS,
    Benchmark,
    Item,
    Protocol,
    lettered,
)
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_PICTURES = [f"image_{number}" for number in range(1, 8)]
_LMMS = "{question}\n\nAnswer the question using a single word or phrase."
_LMMS_LETTER = (
    "{question}\n{choices}\n\nAnswer with the option's letter from the given choices directly."
)


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of <split>.jsonl, with names of files in image_1 .. image_7."""
    for row in place.lines(f"{split}.jsonl"):
        yield _item(row, tuple(place.picture(row[k]) for k in _PICTURES if row.get(k)))


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row."""
    return _item(row, tuple(stored(row[key]) for key in _PICTURES if row.get(key)))


def _item(row: Mapping[str, Any], images: tuple[Picture, ...]) -> Item:
    asked = row["question_type"] == "multiple-choice"
    options = [str(option) for option in _listed(row["options"])] if asked else []
    answer = _listed(row["answer"]) if not asked else [row["answer"]]
    return Item(
        id=row["id"],
        question=row["question"],
        images=images,
        references=tuple(str(a) for a in answer),
        choices=tuple(options),
        fields={
            "index2ans": lettered(options),
            "choices": list(lettered(options)),
            "subject": row["id"].split("_", 1)[-1].rpartition("_")[0],
            "question_type": row["question_type"],
            "subfield": row.get("subfield", ""),
        },
    )


def _listed(value: Any) -> list[Any]:
    """Return a list that may be written as Python text."""
    if isinstance(value, str) and value.startswith("["):
        value = ast.literal_eval(value)
    return value if isinstance(value, list) else [value]


BENCHMARK = Benchmark(
    name="mmmu",
    title="MMMU",
    splits=("validation", "dev"),
    official=official,
    hub=hub,
    hub_repo="MMMU/MMMU",
    protocols={
        "paper": Protocol(
            metric="mmmu_open", prompt=BRIEF, choice_metric="mmmu_parse_multi_choice",
            choice_prompt=LETTER, max_new_tokens=32, stops=STOPS,
        ),
        "lmms": Protocol(
            metric="mmmu_open", prompt=_LMMS, choice_metric="mmmu_parse_multi_choice",
            choice_prompt=_LMMS_LETTER, max_new_tokens=128,
        ),
    },
)  # fmt: skip
