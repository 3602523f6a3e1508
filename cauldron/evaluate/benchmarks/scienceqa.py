"""ScienceQA: multiple choice from school books; here the questions that have a picture.

Lu et al. 2022, arXiv:2209.09513.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import LETTER, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored
from cauldron.evaluate.benchmarks.shapes import choice_item

_FILES = {"test": "test", "validation": "val", "train": "train"}
_LMMS = (
    "{hint}{question}\n{choices}\nAnswer with the option's letter from the given choices directly."
)
_KINDS = ("subject", "topic", "category")


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of problems.json in a split of pid_splits.json."""
    problems = place.json("problems.json")
    for pid in place.json("pid_splits.json")[_FILES[split]]:
        row = problems[pid]
        if row["image"]:
            yield _item(pid, row, place.picture(f"{_FILES[split]}/{pid}/{row['image']}"))


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row with a picture; rows have no ids of their own."""
    return _item("", row, stored(row["image"])) if row["image"] else None


def _item(name: str, row: Mapping[str, Any], picture: Picture) -> Item:
    fields = {key: row[key] for key in _KINDS if row.get(key)}
    hint, choices = row.get("hint") or "", row["choices"]
    return choice_item(name, row["question"], (picture,), choices, row["answer"], hint, fields)


BENCHMARK = Benchmark(
    name="scienceqa",
    title="ScienceQA (with pictures)",
    splits=("test", "validation"),
    train="train",
    official=official,
    hub=hub,
    hub_repo="lmms-lab/ScienceQA",
    hub_config="ScienceQA-IMG",
    protocols={
        "paper": Protocol(metric="mcq_lmms_eval", prompt="{hint}" + LETTER, stops=STOPS),
        "lmms": Protocol(metric="scienceqa_exact_lmms_eval", prompt=_LMMS, hint="Context: {}\n"),
    },
)
