"""AI2D: multiple choice on diagrams of grade-school science.

Kembhavi et al. 2016, arXiv:1603.07396. Test diagrams stand in ai2d_test_ids.csv; questions on
letters that a diagram shows (abcLabel) have their own picture in the official evaluation and are
asked on the plain one here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import LETTER, LMMS_LETTER, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Place, stored
from cauldron.evaluate.benchmarks.shapes import choice_item


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of questions/<image>.json on the diagrams of the split."""
    told = place.one("ai2d_test_ids.csv")
    tests = {row.split(",")[0].strip() for row in place.text(told).splitlines()}
    for name in place.find("*.png.json"):
        stem = name.rpartition("/")[2].removesuffix(".png.json")
        if "questions/" not in name or (stem in tests) != (split == "test"):
            continue
        for text, asked in place.json(f"{stem}.png.json", under="questions")["questions"].items():
            fields = {"category": "letters" if asked["abcLabel"] else "texts"}
            images = (place.picture(f"{stem}.png"),)
            answers, right = asked["answerTexts"], asked["correctAnswer"]
            yield choice_item(asked["questionId"], text, images, answers, right, fields=fields)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row; rows have no ids of their own."""
    images = (stored(row["image"]),)
    return choice_item("", row["question"], images, row["options"], int(row["answer"]))


BENCHMARK = Benchmark(
    name="ai2d",
    title="AI2D",
    splits=("test",),
    train="train",
    official=official,
    hub=hub,
    hub_repo="lmms-lab/ai2d",
    protocols={
        "paper": Protocol(metric="mcq_lmms_eval", prompt=LETTER, stops=STOPS),
        "lmms": Protocol(metric="ai2d_exact_lmms_eval", prompt=LMMS_LETTER),
    },
)
