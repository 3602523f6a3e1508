"""MathVista: mathematics on pictures of many kinds; scored by rules alone, without a paid model.

Lu et al. 2023, arXiv:2310.02255.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cauldron.evaluate.benchmarks.base import BRIEF, LETTER, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_FIELDS = ("question_type", "answer_type", "precision", "choices", "query")
_TABLES = ("task", "skills", "source", "context", "grade", "category")


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of testmini.json."""
    for row in place.json(f"{split}.json").values():
        yield _item(row, place.picture(row["image"]))


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row."""
    return _item(row, stored(row["decoded_image"]))


def _item(row: Mapping[str, Any], image: Picture) -> Item:
    metadata = row["metadata"]
    about = orjson.loads(metadata) if isinstance(metadata, str) else metadata
    tables = {k: about[k] for k in _TABLES if about.get(k)}
    if "source" in tables:
        tables["source_dataset"] = tables.pop("source")
    unit = f" (Unit: {row['unit']})" if row.get("unit") else ""
    return Item(
        id=str(row["pid"]),
        question=row["question"] + unit,
        images=(image,),
        references=(str(row["answer"]),),
        choices=tuple(row["choices"] or ()),
        fields={k: row.get(k) for k in _FIELDS} | tables,
    )


BENCHMARK = Benchmark(
    name="mathvista",
    title="MathVista",
    splits=("testmini",),
    official=official,
    hub=hub,
    hub_repo="AI4Math/MathVista",
    protocols={
        "paper": Protocol(
            metric="mathvista", prompt=BRIEF, choice_prompt=LETTER,
            choice_metric="mathvista_letters", max_new_tokens=32, stops=STOPS,
        ),
        "lmms": Protocol(metric="mathvista", prompt="{query}", max_new_tokens=1024),
    },
)  # fmt: skip
