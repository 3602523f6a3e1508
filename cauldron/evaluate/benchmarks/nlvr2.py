"""NLVR2: is a sentence true of a pair of photographs?

Suhr et al. 2019, arXiv:1811.00491.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_FILES = {"test": "test1", "validation": "dev", "train": "train"}
_ASKED = "Is the following statement true of the two images? {question}\nAnswer yes or no."


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the sentences of test1.json; pictures are named <identifier less its end>-img0.png."""
    for row in place.lines(f"{_FILES[split]}.json"):
        stem = row["identifier"].rpartition("-")[0]
        pair = (place.picture(f"{stem}-img0.png"), place.picture(f"{stem}-img1.png"))
        yield _item(row, pair)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row with a left and a right picture."""
    return _item(row, (stored(row["left_image"]), stored(row["right_image"])))


def _item(row: Mapping[str, Any], pair: tuple[Picture, ...]) -> Item:
    true = str(row["label"]).lower() in ("true", "1")
    return Item(
        id=row["identifier"],
        question=row["sentence"],
        images=pair,
        references=("yes" if true else "no",),
    )


BENCHMARK = Benchmark(
    name="nlvr2",
    title="NLVR2",
    splits=("test", "validation"),
    train="train",
    official=official,
    hub=hub,
    hub_repo="lmms-lab/NLVR2",
    protocols={"paper": Protocol(metric="yes_no_vlmevalkit", prompt=_ASKED, stops=STOPS)},
)
