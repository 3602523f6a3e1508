"""NLVR2: a sentence that is true or false of two photographs.

Suhr et al. 2019, A Corpus for Reasoning About Natural Language Grounded in Photographs,
arXiv:1811.00491. All sentences on one pair of pictures become one sample; its first turn says which
picture is the left one. Pairs of one `set` share pictures: keep them on one side when cutting off
validation data (their `directory` is in `extra`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.phrasing import YES_OR_NO, answered_yes_no, sentence, text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import marking_first, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._records import holds
from cauldron.sources.base import Form, Source

PREFACE = "The first picture is the left one, the second picture is the right one."
ASK = (
    'Is the statement "{sentence}" true of the two pictures?',
    'Does "{sentence}" hold for this pair of images?',
    'Looking at both images, is it right that "{sentence}"?',
    'Is "{sentence}" a correct account of the left and the right picture?',
    'Can one say of these two images: "{sentence}"?',
    'Judging by both pictures, is the claim "{sentence}" correct?',
    'Do the two images agree with the sentence "{sentence}"?',
    'Decide whether "{sentence}" is true of the pictures.',
)
PLAIN = "{sentence} Yes or no?"
_NAMES = {
    "train": ("train",),
    "dev": ("dev", "val", "validation"),
    "test1": ("test1", "test"),
    "test2": ("test2",),
}
_LABELS = {"True": True, "true": True, "False": False, "false": False}


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split, _NAMES):
        for pattern in (f"nlvr2/data/{name}.json", f"{name}.json"):
            for file in raw.find(pattern):
                lines = json_lines(raw, file, split, "nlvr2")
                if "balanced" not in file.path and holds(lines, "identifier", "sentence"):
                    return [file]
    return []


def _key(row: Row) -> str:
    """Return the pair of a sentence: `train-10171-0-1` asks about `train-10171-0`."""
    return text(row.data["identifier"]).rpartition("-")[0]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from marking_first(json_lines(raw, file, split, "nlvr2"), _key)


def _turn(row: Row, true: bool) -> Turn:
    words = text(row.data["sentence"]).strip()
    if row.plain:
        user = PLAIN.format(sentence=sentence(words))
    else:
        said = words.removesuffix(".").replace('"', "'")
        request = f"{row.pick(ASK, 'question').format(sentence=said)}\n{YES_OR_NO}"
        user = f"{PREFACE} {request}" if row.data["first"] else request
    extra = {"question": words, "identifier": row.data["identifier"]}
    if "validation" in row.data:
        extra["validation"] = row.data["validation"]
    return Turn(user=user, assistant=answered_yes_no(row, true), extra=extra)


def _convert(row: Row) -> Draft | Reject | Skip:
    data = row.data
    if data.get("label") is None:
        return Skip(reason="unlabelled")
    if str(data["label"]) not in _LABELS:
        return Reject(reason="label_unknown", detail=f"label {data['label']!r}")
    names = [f"{_key(row)}-img{number}.png" for number in (0, 1)]
    pictures = tuple(Picture(path=name, candidates=_places(row, name)) for name in names)
    extra = _about(data, "directory", "synset", "query", "left_url", "right_url")
    return Draft(images=pictures, turns=(_turn(row, _LABELS[str(data["label"])]),), extra=extra)


def _places(row: Row, name: str) -> tuple[str, ...]:
    split = name.partition("-")[0]
    tails = [f"{split}/{row.data['directory']}/{name}"] if "directory" in row.data else []
    tails += [f"{split}/{name}", name]
    return tuple(f"{above}{tail}" for tail in tails for above in ("images/", ""))


def _about(data: dict[str, Any], *names: str) -> dict[str, Any]:
    kept = {name: data[name] for name in names if name in data}
    return {**kept, "set": text(data["identifier"]).split("-")[1]}


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    """Convert a row of the mirror, whose label 0 stands for True and 1 for False."""
    data = row.data
    if data["label"] not in (0, 1):
        return Reject(reason="label_unknown", detail=f"label {data['label']!r}")
    pictures = tuple(cell_picture(row, data[f"{side}_image"]) for side in ("left", "right"))
    extra = _about(data, "directory")
    return Draft(images=pictures, turns=(_turn(row, data["label"] == 0),), extra=extra)


SOURCE = Source(
    name="nlvr2",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="nlvr2/data/train.json of lil-lab/nlvr, and the pictures of train_img.zip",
            pictures="the pictures that the authors give on request: images/train/<directory>/ of "
            "train_img.zip, dev/, test1/, test2/: name the folder that holds them as a further "
            "raw folder",
        ),
        parquet_form(
            "nlvr2",
            {"identifier", "sentence", "label", "left_image", "right_image"}.issubset,
            _mirror_convert,
            "Parquet of HuggingFaceM4/NLVR2: identifier, sentence, left_image, right_image, label",
            splits=_NAMES,
            gathered=(
                "left_image",
                "right_image",
            ),
        ),
    ),
)
