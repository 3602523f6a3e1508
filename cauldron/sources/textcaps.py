"""TextCaps: captions that read the text in a photograph, five for each.

Sidorov et al. 2020, TextCaps, arXiv:2003.12462. The file has one record a caption, each with all
five references: the first record of a picture becomes its sample, a hash tells which of the five
is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._coco import open_images
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "Write a caption for this picture, including the text that can be read in it.",
    "Give a short description of the image and of what is written in it.",
    "Describe this photo in one sentence; mention the text that it shows.",
    "What does this picture show? Take the visible text into account.",
    "Provide a one-sentence caption for the image.",
    "Caption this image, reading any text in it.",
    "Say in one sentence what can be seen and read here.",
    "Sum up this picture in a single sentence.",
    "Write one sentence about the image that uses the words it contains.",
    "Describe what is shown and what is written in the picture.",
    "Give a brief caption for this photo.",
    "State briefly what the image shows, with the text on it.",
    "How would you caption this picture?",
)
_KEPT = ("image_id", "reference_strs", "image_classes", "set_name")


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *(f"TextCaps_*_{name}.json" for name in split_names(split)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    seen: set[str] = set()
    for file in found:
        for row in json_list(raw, file, split, "textcaps", at="data"):
            if not isinstance(row.data, dict) or "image_id" not in row.data:
                yield row
                continue
            image_id = str(row.data["image_id"])
            again = {"skip": "caption_of_same_picture"} if image_id in seen else {}
            seen.add(image_id)
            kept = {key: row.data[key] for key in _KEPT if key in row.data}
            yield replace(row, data=again or kept)


def _draft(row: Row, captions: Any, picture: Picture) -> Draft | Skip:
    told = [said for caption in captions or () if (said := text(caption).strip())]
    if not told:
        return Skip(reason="unlabelled")
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=answered(row, row.pick(told, "caption")),
        extra={"question": REQUESTS[0], "captions": told},
    )
    classes = row.data.get("image_classes")
    extra = {"image_classes": list(classes)} if classes is not None else {}
    return Draft(images=(picture,), turns=(turn,), extra=extra)


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    return _draft(row, row.data.get("reference_strs"), open_images(row))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    captions = row.data.get("reference_strs")
    if captions is None:
        captions = row.data.get("caption_str")
    name = f"{text(row.data['image_id'])}.jpg"
    return _draft(row, captions, cell_picture(row, row.data["image"], name))


SOURCE = Source(
    name="textcaps",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["image_id"]),
            convert=_convert,
            wanted="TextCaps_0.1_train.json beside train_images/ (and test_images/)",
            pictures="train_val_images.zip of textvqa.org/dataset: put train_images/ beside the "
            "captions, or name the folder that holds it as a further raw folder",
        ),
        parquet_form(
            "textcaps",
            lambda has: (
                {"image", "image_id"} <= has and bool({"reference_strs", "caption_str"} & has)
            ),
            _mirror_convert,
            "Parquet of lmms-lab/TextCaps",
        ),
    ),
)
