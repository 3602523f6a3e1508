"""COCO Captions: photographs with five captions each.

Chen et al. 2015, Microsoft COCO Captions: Data Collection and Evaluation Server, arXiv:1504.00325.
Each caption is a pair of its own. The recipes of Idefics2's pre-training leave this set out, since
benchmarks use its pictures.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.phrasing import text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject, Skip
from cauldron.sources._coco import COCO_PICTURES, coco_of
from cauldron.sources._downloads import download_forms
from cauldron.sources._layouts import split_names
from cauldron.sources._pairs import Pair, list_form
from cauldron.sources.base import Source

_NAMES = {
    "train": ("captions_train2014.json", "captions_train2017.json"),
    "val": ("captions_val2014.json", "captions_val2017.json"),
}


def _files(raw: Raw, split: str) -> list[Found]:
    """Return the list of one year: that of 2014 and that of 2017 hold the same captions."""
    names = _NAMES.get(split_names(split)[0], ())
    return next((found[:1] for name in names if (found := raw.find(name))), [])


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    yield from json_list(raw, file, split, "coco_captions", at="annotations")


def _read(row: Row) -> Pair | Reject | Skip:
    number = int(row.data["image_id"])
    picture = coco_of(row, number)
    return Pair(caption=text(row.data["caption"]), picture=picture, extra={"coco_id": number})


SOURCE = Source(
    name="coco_captions",
    forms=(
        list_form(
            "coco_captions",
            "official",
            _files,
            _rows,
            _read,
            "captions_train2014.json or captions_train2017.json of cocodataset.org",
            key=lambda row: f"{int(row.data['image_id']):012d}-{row.data['id']}",
            splits=_NAMES,
            pictures=COCO_PICTURES,
        ),
        *download_forms("coco_captions"),
    ),
)
