"""MIMIC-IT CGD: general differences between two photographs, written by a language model.

Li et al. 2023, MIMIC-IT: Multi-Modal In-Context Instruction Tuning, arXiv:2306.05425. The pictures
are those of COCO train2017. All instructions on one ordered pair become one sample; the pair (a, b)
is another one than (b, a).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import text
from cauldron.readers import columns, json_object, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form, Source

_PREFIX = "CGD_IMG_"
_COLUMNS = ("id", "instruction", "answer", "images")
_PICTURES = (
    "the pictures of COCO 2017, train2017.zip of images.cocodataset.org: name the folder that "
    "holds it, packed or unpacked, as a further raw folder"
)


def _files(raw: Raw, split: str) -> list[Found]:
    return raw.find("CGD_instructions.json")[:1] if split == "train" else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_object(raw, file, split, "mimic_cgd", at="data")


def _pair(values: Any) -> tuple[str, ...]:
    """Return the COCO names of pictures, whose ids come with and without a prefix."""
    return tuple(text(value).removeprefix(_PREFIX).rpartition("/")[2] for value in values)


def _draft(row: Row, values: Any, extra: dict[str, Any]) -> Draft | Reject:
    stems = _pair(values)
    if len(stems) != 2:
        return Reject(reason="not_two_pictures", detail=f"{len(stems)} pictures")
    pictures = tuple(
        Picture(path=f"{stem}.jpg", candidates=tuple(f"{a}{stem}.jpg" for a in ("train2017/", "")))
        for stem in stems
    )
    turn = Turn(
        user=text(row.data["instruction"]).strip(),
        assistant=text(row.data["answer"]).strip(),
        extra=extra,
    )
    return Draft(images=pictures, turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    extra = {"instruction_id": row.record, "related": row.data.get("rel_ins_ids")}
    return _draft(row, row.data["image_ids"], extra)


def _mirror_files(raw: Raw, split: str) -> list[Found]:
    found = [f for f in raw.find("**/*.parquet") if "CGD" in f.url] if split == "train" else []
    return [f for f in found if set(_COLUMNS) <= columns(f)]


def _mirror_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """List the rows themselves, which hold no pictures, so that pairs are gathered."""
    for file in found:
        for group in parquet_groups(raw, file, split, "mimic_cgd"):
            if isinstance(group.data, Reject):
                yield group
                continue
            for row in open_parquet(group, raw):
                if isinstance(row, Reject):
                    yield replace(group, data=row)
                else:
                    yield replace(row, data={name: row.data[name] for name in _COLUMNS})


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    return _draft(row, row.data["images"], {"instruction_id": row.data["id"]})


SOURCE = Source(
    name="mimic_cgd",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=lambda row: "-".join(_pair(row.data["image_ids"])),
            convert=_convert,
            wanted="CGD_instructions.json of MIMIC-IT, and train2017 of COCO 2017",
            pictures=_PICTURES,
        ),
        Form(
            name="mirror",
            files=_mirror_files,
            splits=lambda raw: ["train"] if _mirror_files(raw, "train") else [],
            rows=_mirror_rows,
            key=lambda row: "-".join(_pair(row.data["images"])),
            convert=_mirror_convert,
            wanted="Parquet of pufanyi/MIMICIT, config CGD_Instructions, its folder named CGD",
            pictures=_PICTURES,
        ),
    ),
)
