"""ChartQA: questions on charts; numbers may be 5 % off. People's and machine's questions apart.

Masry et al. 2022, arXiv:2203.10244.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import BRIEF, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_LMMS = "{question}\nAnswer the question with a single word."


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of <split>_human.json and <split>_augmented.json."""
    for kind in ("human", "augmented"):
        for number, row in enumerate(place.json(f"{split}_{kind}.json")):
            picture = place.picture(f"png/{row['imgname']}", row["imgname"])
            yield _item(f"{kind}_{number}", row["query"], [row["label"]], picture, kind)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row; rows have no ids of their own."""
    kind = str(row["type"]).removesuffix("_test")
    return _item("", row["question"], [row["answer"]], stored(row["image"]), kind)


def _item(name: str, question: str, answers: list[Any], picture: Picture, kind: str) -> Item:
    told = tuple(str(answer) for answer in answers)
    fields = {"type": kind}
    return Item(id=name, question=question, images=(picture,), references=told, fields=fields)


BENCHMARK = Benchmark(
    name="chartqa",
    title="ChartQA",
    splits=("test", "val"),
    train="train",
    official=official,
    hub=hub,
    hub_repo="lmms-lab/ChartQA",
    protocols={
        "paper": Protocol(
            metric="chartqa_relaxed_idefics2", prompt=BRIEF, max_new_tokens=16, stops=STOPS
        ),
        "lmms": Protocol(metric="chartqa_relaxed_lmms_eval", prompt=_LMMS),
    },
)
