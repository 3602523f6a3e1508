"""Localized Narratives: the lines of its files without their traces, and where the pictures lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._layouts import SPLITS, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form

_NAMES = {
    **{split: tuple(f"open_images_{name}" for name in names) for split, names in SPLITS.items()},
    **{name: (name,) for name in ("coco_train", "coco_val")},
    **{f"{of}_{split}": (f"{of}_{split}",) for of in ("flickr30k", "ade20k") for split in SPLITS},
    "ade20k_val": ("ade20k_validation", "ade20k_val"),
}
_KEPT = ("dataset_id", "image_id", "annotator_id", "caption")

Said = Callable[[Row, Picture, str], Draft | Reject | Skip]
"""Makes a sample of a row, its picture and its narrative."""


def narrative_forms(source: str, said: Said) -> tuple[Form, Form]:
    """Return the forms of the set: its own files, and the Parquet copy of Open Images."""

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            for row in json_lines(raw, file, split, source):
                if isinstance(row.data, dict):
                    kept = {name: row.data[name] for name in _KEPT if name in row.data}
                    row = replace(row, data=kept)
                yield row

    def convert(row: Row) -> Draft | Reject | Skip:
        return said(row, _picture(row), text(row.data["caption"]).strip())

    def copied(row: Row) -> Draft | Reject | Skip:
        name = f"{text(row.data['image_id'])}.jpg"
        picture = cell_picture(row, row.data["image"], name)
        return said(row, picture, text(row.data["caption"]).strip())

    official = Form(
        name="official",
        files=_files,
        splits=splits_of(_files, _NAMES),
        rows=rows,
        key=_key,
        convert=convert,
        wanted="open_images_train_v6_localized_narratives-*.jsonl of "
        "google.github.io/localized-narratives, and the pictures of Open Images",
        pictures="the pictures of Open Images by id (train/<image_id>.jpg, or train_0.tar.gz "
        "to train_f.tar.gz of the open-images-dataset bucket): name the folder that holds "
        "them as a further raw folder",
    )
    mirror = parquet_form(
        source,
        {"image", "image_id", "annotator_id", "caption"}.issubset,
        copied,
        "Parquet of HuggingFaceM4/LocalizedNarratives, config OpenImages",
    )
    return official, replace(mirror, key=_key)


def dataset(data: dict[str, Any]) -> dict[str, Any]:
    """Return the name of the set that a picture is of, where a row has it."""
    return {"dataset_id": data["dataset_id"]} if "dataset_id" in data else {}


def _files(raw: Raw, split: str) -> list[Found]:
    split = "val" if split in SPLITS["val"] else split
    for name in _NAMES.get(split, ()):
        found = raw.find(f"{name}_*narratives*.jsonl")
        if found:
            return found
    return []


def _key(row: Row) -> str:
    return f"{text(row.data['image_id'])}-{text(row.data['annotator_id'])}"


def _picture(row: Row) -> Picture:
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
    return Picture(path=name, candidates=(*(f"{f}/{name}" for f in folders), name))
