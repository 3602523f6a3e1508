"""VSR: captions on where things stand in a photograph, each true or false.

Liu et al. 2023, Visual Spatial Reasoning, arXiv:2205.00363. All captions of one picture become one
sample. The picture's folder (train2017 or val2017) is told by its link; a flat folder works too.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.phrasing import answered_yes_no, text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form, Source

ASK = (
    'Does the caption "{caption}" match the picture?',
    'Is the statement "{caption}" true of this image?',
    'Can "{caption}" be said of this picture?',
    'Look at the image. Is it right that "{caption}"?',
    'Is "{caption}" an accurate description of the image?',
    'Decide whether the caption "{caption}" fits the picture.',
    'Does "{caption}" describe the image correctly?',
    'Judging by the picture, is the claim "{caption}" correct?',
    'Would you say that "{caption}" holds in this image?',
    'Is the image in agreement with the sentence "{caption}"?',
)
REQUEST = "Answer yes or no."
PLAIN = "{caption} Yes or no?"
_SPLIT_FILES = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}
_ALIASES = {"val": "dev", "validation": "dev"}


def _files(raw: Raw, split: str) -> list[Found]:
    names = _SPLIT_FILES.get(_ALIASES.get(split, split), ())
    for folder in ("zeroshot/", "random/", ""):
        for name in names:
            found = raw.find(f"{folder}{name}.jsonl")
            if found:
                return found[:1]
    return []


def _splits(raw: Raw) -> list[str]:
    return [split for split in _SPLIT_FILES if _files(raw, split)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_lines(raw, file, split, "vsr")


def _key(row: Row) -> str:
    return text(row.data["image"]).rpartition(".")[0]


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image"])
    link = row.data.get("image_link") or ""
    folder = next((f for f in ("train2017", "val2017") if f"/{f}/" in link), "")
    caption = text(row.data["caption"])
    label = row.data["label"]
    if str(label) not in ("0", "1"):
        return Reject(reason="label_unknown", detail=f"label {label!r}")
    asked = row.pick(ASK, "question").format(caption=caption.replace('"', "'"))
    turn = Turn(
        user=PLAIN.format(caption=caption) if row.plain else f"{asked}\n{REQUEST}",
        assistant=answered_yes_no(row, str(label) == "1"),
        extra={"relation": row.data.get("relation"), "question": caption},
    )
    where = [f"{folder}/{name}"] if folder else [f"train2017/{name}", f"val2017/{name}"]
    flat = [name, f"images/{name}", f"vsr_images/{name}", f"trainval2017/{name}"]
    return Draft(images=(Picture(path=name, candidates=(*where, *flat)),), turns=(turn,))


SOURCE = Source(
    name="vsr",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="data/splits/zeroshot/train.jsonl of cambridgeltl/visual-spatial-reasoning, and "
            "a folder with train2017/ and val2017/ of COCO (or the authors' flat vsr_images)",
            pictures="the pictures of COCO 2017, train2017.zip and val2017.zip of "
            "images.cocodataset.org (or the authors' vsr_images.zip): name the folder that holds "
            "them, packed or unpacked, as a further raw folder",
        ),
    ),
)
