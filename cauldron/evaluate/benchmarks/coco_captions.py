"""COCO captions: one sentence for a photograph, five by people to compare with.

Chen et al. 2015, arXiv:1504.00325; test split of Karpathy and Fei-Fei 2015, arXiv:1412.2306.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cauldron.evaluate.benchmarks.base import SMALL, STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Place, stored

_ASKED = "Provide a one-sentence caption for the provided image."


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the pictures of dataset_coco.json (Karpathy) or captions_*2014.json."""
    if place.find("dataset_coco.json"):
        wanted = {"test": ("test",), "val": ("val",), "train": ("train", "restval")}[split]
        for image in place.json("dataset_coco.json")["images"]:
            if image["split"] in wanted:
                captions = tuple(sentence["raw"] for sentence in image["sentences"])
                yield _item(place, str(image["cocoid"]), image["filename"], captions)
        return
    told = place.json(f"captions_{split}20*.json")
    captions_of: dict[int, list[str]] = {}
    for row in told["annotations"]:
        captions_of.setdefault(row["image_id"], []).append(row["caption"])
    for image in told["images"]:
        if image["id"] in captions_of:
            given = tuple(captions_of[image["id"]])
            yield _item(place, str(image["id"]), image["file_name"], given)


def _item(place: Place, name: str, file: str, captions: tuple[str, ...]) -> Item:
    return Item(id=name, question="", images=(place.picture(file),), references=captions)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a hub row: captions in `answer` or `sentences_raw`."""
    captions = row.get("answer") or row.get("sentences_raw") or row.get("sentences")
    name = str(row.get("question_id") or row.get("cocoid") or row["filename"])
    if not captions:
        return None
    return Item(id=name, question="", images=(stored(row["image"]),), references=tuple(captions))


BENCHMARK = Benchmark(
    name="coco_captions",
    title="COCO captions",
    splits=("test", "val"),
    train="train",
    official=official,
    hub=hub,
    hub_repo="lmms-lab/COCO-Caption",
    protocols={
        "paper": Protocol(metric="captions", prompt=_ASKED, max_new_tokens=64, stops=STOPS),
        "ablation": Protocol(
            metric="captions", prompt="Caption:", shots=4, max_new_tokens=40, limit=SMALL,
            stops=(*STOPS, "\n", "Caption"),
        ),
        "lmms": Protocol(metric="captions", prompt=_ASKED, max_new_tokens=64, split="val"),
    },
)  # fmt: skip
