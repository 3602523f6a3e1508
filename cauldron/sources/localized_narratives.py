"""Localized Narratives: what people said while they pointed at a picture.

Pont-Tuset et al. 2020, Connecting Vision and Language with Localized Narratives, arXiv:1912.03098.
The transcribed narrative is kept as it is; the request names no length, because narratives run from
one sentence to many. Splits train, validation and test are those of Open Images; those of COCO,
Flickr30k and ADE20k are read when they are asked for (`coco_train`, ...).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import SPLITS, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

ASK = (
    "Describe this image.",
    "What does the picture show?",
    "Tell me what you see in this image.",
    "Go through the picture and say what is in it.",
    "Give a description of the image.",
    "Put this picture into words.",
)
PLAIN = "Describe the image."
_NAMES = {
    **{split: tuple(f"open_images_{name}" for name in names) for split, names in SPLITS.items()},
    **{name: (name,) for name in ("coco_train", "coco_val")},
    **{f"{of}_{split}": (f"{of}_{split}",) for of in ("flickr30k", "ade20k") for split in SPLITS},
    "ade20k_val": ("ade20k_validation", "ade20k_val"),
}
_KEPT = ("dataset_id", "image_id", "annotator_id", "caption")


def _files(raw: Raw, split: str) -> list[Found]:
    split = "val" if split in SPLITS["val"] else split
    for name in _NAMES.get(split, ()):
        found = raw.find(f"{name}_*narratives*.jsonl")
        if found:
            return found
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """List the lines without their traces of the mouse, which make up most of each."""
    for file in found:
        for row in json_lines(raw, file, split, "localized_narratives"):
            if isinstance(row.data, dict):
                row = replace(
                    row, data={name: row.data[name] for name in _KEPT if name in row.data}
                )
            yield row


def _key(row: Row) -> str:
    return f"{text(row.data['image_id'])}-{text(row.data['annotator_id'])}"


def _draft(row: Row, picture: Picture) -> Draft:
    turn = Turn(
        user=PLAIN if row.plain else row.pick(ASK, "question"),
        assistant=text(row.data["caption"]).strip(),
        extra={"annotator_id": row.data.get("annotator_id")},
    )
    return Draft(images=(picture,), turns=(turn,), extra=_dataset(row.data))


def _dataset(data: dict[str, Any]) -> dict[str, Any]:
    return {"dataset_id": data["dataset_id"]} if "dataset_id" in data else {}


def _convert(row: Row) -> Draft | Reject | Skip:
    stem = text(row.data["image_id"])
    folders: tuple[str, ...]
    if row.split.startswith("coco"):
        stem = stem.zfill(12)
        folders = ("train2017", "val2017")
    elif row.split.startswith("flickr30k"):
        folders = ("flickr30k-images", "flickr30k_images")
    elif row.split.startswith("ade20k"):
        folders = ("images/training", "images/validation")
    else:
        split = "validation" if row.split in SPLITS["val"] else row.split
        folders = (split, f"{split}_{stem[:1]}", f"open_images_{split}")
    name = f"{stem}.jpg"
    return _draft(row, Picture(path=name, candidates=(*(f"{f}/{name}" for f in folders), name)))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    name = f"{text(row.data['image_id'])}.jpg"
    return _draft(row, cell_picture(row, row.data["image"], name))


_MIRROR = parquet_form(
    "localized_narratives",
    {"image", "image_id", "annotator_id", "caption"}.issubset,
    _mirror_convert,
    "Parquet of HuggingFaceM4/LocalizedNarratives, config OpenImages",
)


SOURCE = Source(
    name="localized_narratives",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="open_images_train_v6_localized_narratives-*.jsonl of "
            "google.github.io/localized-narratives, and the pictures of Open Images",
            pictures="the pictures of Open Images by id (train/<image_id>.jpg, or train_0.tar.gz "
            "to train_f.tar.gz of the open-images-dataset bucket): name the folder that holds "
            "them as a further raw folder",
        ),
        replace(_MIRROR, key=_key),
    ),
)
