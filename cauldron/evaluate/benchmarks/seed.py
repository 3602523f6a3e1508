"""SEED-Bench: multiple choice on what pictures show; here the questions on single pictures.

Li et al. 2023, arXiv:2307.16125.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import LETTER, LMMS_LETTER, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored
from cauldron.evaluate.benchmarks.shapes import choice_item


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the picture questions of SEED-Bench.json; videos are left out."""
    told = place.json("SEED-Bench.json", "SEED-Bench*.json")
    kinds = {number: name for name, number in told.get("question_type", {}).items()}
    for row in told["questions"]:
        if row["data_type"] == "image":
            picture = place.picture(row["data_id"])
            yield _item(row, picture, kinds.get(row["question_type_id"], ""))


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row on one picture."""
    if row["data_type"] != "image":
        return None
    return _item(row, stored(row["image"][0]), str(row["question_type_id"]))


def _item(row: Mapping[str, Any], picture: Picture, kind: str) -> Item:
    choices = [str(row[f"choice_{letter}"]) for letter in "abcd"]
    right = "ABCD".index(row["answer"])
    name, fields = str(row["question_id"]), {"category": kind}
    return choice_item(name, row["question"], (picture,), choices, right, fields=fields)


BENCHMARK = Benchmark(
    name="seed",
    title="SEED-Bench (pictures)",
    splits=("test",),
    official=official,
    hub=hub,
    hub_repo="lmms-lab/SEED-Bench",
    protocols={
        "paper": Protocol(metric="mcq_lmms_eval", prompt=LETTER, stops=STOPS),
        "lmms": Protocol(metric="seedbench_exact_lmms_eval", prompt=LMMS_LETTER),
    },
)
