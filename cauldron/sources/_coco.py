"""Where pictures of shared pools lie: COCO by number, Open Images (TextVQA, TextCaps) by id."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Picture
from cauldron.sources._layouts import split_names

COCO_FOLDERS = {
    "train": ("train2014", "train2017"),
    "val": ("val2014", "val2017", "train2017"),
    "test": ("test2015", "test2014", "test2017"),
}
"""Folders of the sets made on COCO 2014; most of its val pictures lie in train2017 of 2017."""

COCO_PICTURES = (
    "the pictures of COCO, train2014.zip or train2017.zip of images.cocodataset.org (val2014.zip "
    "for val): name the folder that holds them, packed or unpacked, as a further raw folder"
)
_ABOVE = ("", "coco/", "images/")
_COCO_2014 = re.compile(r"COCO_(train|val)2014_(\d{12})\.jpg")


def coco_of(row: Row, number: object) -> Picture:
    """Return a picture of COCO 2014 of the row's own split."""
    return coco(row, number, COCO_FOLDERS[split_names(row.split)[0]])


def coco(row: Row, number: object, folders: Sequence[str]) -> Picture:
    """Return a COCO picture, looked for in these folders in order, then without a folder.

    `train2014` and its like hold `COCO_train2014_000000000009.jpg`, those of 2017 plain numbers.
    """
    names = {folder: _coco_name(folder, int(str(number))) for folder in folders}
    places = [f"{folder}/{name}" for folder, name in names.items()]
    far = [f"{above}{place}" for place in places for above in _ABOVE]
    near = [row.near(place) for place in places]
    flat = dict.fromkeys(names.values())
    return Picture(path=names[folders[0]], candidates=(*far, *near, *flat))


def _coco_name(folder: str, number: int) -> str:
    plain = f"{number:012d}.jpg"
    return plain if folder.endswith("2017") else f"COCO_{folder}_{plain}"


def coco_named(row: Row, name: str) -> Picture | None:
    """Return the COCO picture that a file name of COCO 2014 stands for, None for other names."""
    match = _COCO_2014.fullmatch(name)
    return coco(row, match[2], COCO_FOLDERS[match[1]]) if match else None


def open_images(row: Row) -> Picture:
    """Return the Open Images picture of a TextVQA or TextCaps record.

    Pictures of train and val lie in `train_images`; there is no folder of val.
    """
    name = f"{text(row.data['image_id'])}.jpg"
    folders = ("test_images", "train_images") if row.split == "test" else ("train_images",)
    near = tuple(row.near(folder, name) for folder in folders)
    far = tuple(f"{folder}/{name}" for folder in folders)
    return Picture(path=name, candidates=(*near, *far, name))
