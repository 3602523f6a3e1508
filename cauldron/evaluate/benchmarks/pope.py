"""POPE: is an object in a photograph? Drawn at random, among frequent ones, or against habit.

Li et al. 2023, arXiv:2305.10355.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cauldron.evaluate.benchmarks.base import LMMS_WORD, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_KINDS = ("random", "popular", "adversarial")


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of coco_pope_<kind>.json, one object a line."""
    for kind in _KINDS:
        for row in place.lines(f"coco_pope_{kind}.json"):
            picture = place.picture(row["image"])
            yield _item(f"{kind}/{row['question_id']}", row["text"], row["label"], picture, kind)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row."""
    kind = row["category"]
    name = f"{kind}/{row['question_id']}"
    return _item(name, row["question"], row["answer"], stored(row["image"]), kind)


def _item(name: str, question: str, answer: str, picture: Picture, kind: str) -> Item:
    return Item(
        id=name,
        question=question.strip(),
        images=(picture,),
        references=(answer.strip().lower(),),
        fields={"category": kind},
    )


def rates(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return precision, recall and F1 of "yes", and how often it is said."""
    said = [row["parsed"] == "yes" for row in rows]
    true = [row["references"][0] == "yes" for row in rows]
    both = sum(s and t for s, t in zip(said, true, strict=True))
    precision, recall = both / max(sum(said), 1), both / max(sum(true), 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if both else 0.0,
        "yes_ratio": sum(said) / max(len(rows), 1),
    }


BENCHMARK = Benchmark(
    name="pope",
    title="POPE",
    splits=("test",),
    official=official,
    hub=hub,
    hub_repo="lmms-lab/POPE",
    extra=rates,
    protocols={
        "paper": Protocol(
            metric="pope", prompt="Question: {question}\nAnswer yes or no.", stops=STOPS
        ),
        "lmms": Protocol(metric="pope_exact_lmms_eval", prompt=LMMS_WORD, max_new_tokens=128),
        "official": Protocol(metric="pope", prompt="{question}", max_new_tokens=64),
    },
)
