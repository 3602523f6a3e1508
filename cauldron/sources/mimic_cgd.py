"""MIMIC-IT CGD: general differences between two photographs, written by a language model.

Li et al. 2023, MIMIC-IT: Multi-Modal In-Context Instruction Tuning, arXiv:2306.05425. The pictures
are those of COCO train2017, from its folder or from the project's stores of base64. All
instructions on one ordered pair become one sample; the pair (a, b) is another one than (b, a).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.media.limits import LIMITS
from cauldron.phrasing import text
from cauldron.readers import columns, json_object, parquet_rows
from cauldron.readers.keyed import is_picture_table, keyed_pictures
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form, Source

_PREFIX = "CGD_IMG_"
_COLUMNS = ("id", "instruction", "answer", "images")
_PICTURES = (
    "the pictures of COCO 2017, train2017.zip of images.cocodataset.org: name the folder that "
    "holds it, packed or unpacked, as a further raw folder; or the project's own CGD.json or "
    "CGD.parquet (config CGD_Images of pufanyi/MIMICIT)"
)


def _files(raw: Raw, split: str) -> list[Found]:
    return raw.find("CGD_instructions.json")[:1] if split == "train" else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from _stored(raw, json_object(raw, file, split, "mimic_cgd", at="data"))


def _stored(raw: Raw, rows: Iterable[Row]) -> Iterator[Row]:
    """Tell rows where the project's own picture stores lie, if there are any."""
    stores = [*raw.find("CGD.json"), *filter(is_picture_table, raw.find("**/*.parquet"))]
    urls = [found.url for found in stores]
    for row in rows:
        told = urls and isinstance(row.data, dict)
        yield replace(row, data={**row.data, "stores": urls}) if told else row


def _open(row: Row, raw: Raw) -> Iterator[Row | Reject]:
    """Fetch pictures from the stores where no photograph of COCO has their number."""
    held: dict[str, bytes] = {}
    for stem in _pair(_ids(row)) if "stores" in row.data else ():
        data = raw.picture(_places(stem), LIMITS.max_image_bytes, row.folder)
        if data is None:
            stores = keyed_pictures(tuple(row.data["stores"]))
            data = stores.find(f"{_PREFIX}{stem}", stem, f"{stem}.jpg")
        if data is not None:
            held[stem] = data
    yield replace(row, data={**row.data, "held": held}) if held else row


def _ids(row: Row) -> Any:
    return row.data["image_ids"] if "image_ids" in row.data else row.data["images"]


def _places(stem: str) -> tuple[str, ...]:
    return (f"train2017/{stem}.jpg", f"{stem}.jpg")


def _pair(values: Any) -> tuple[str, ...]:
    """Return the COCO names of pictures, whose ids come with and without a prefix."""
    return tuple(text(value).removeprefix(_PREFIX).rpartition("/")[2] for value in values)


def _key(row: Row) -> str:
    return "-".join(_pair(_ids(row)))


def _draft(row: Row, extra: dict[str, Any]) -> Draft | Reject:
    stems = _pair(_ids(row))
    if len(stems) != 2:
        return Reject(reason="not_two_pictures", detail=f"{len(stems)} pictures")
    held = row.data.get("held", {})
    pictures = tuple(
        Picture(path=f"{stem}.jpg", candidates=_places(stem), bytes=held.get(stem))
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
    return _draft(row, extra)


def _mirror_files(raw: Raw, split: str) -> list[Found]:
    found = [f for f in raw.find("**/*.parquet") if "CGD" in f.url] if split == "train" else []
    return [f for f in found if set(_COLUMNS) <= columns(f)]


def _mirror_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    yield from _stored(raw, parquet_rows(raw, found, split, "mimic_cgd", _COLUMNS))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    return _draft(row, {"instruction_id": row.data["id"]})


SOURCE = Source(
    name="mimic_cgd",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=_key,
            convert=_convert,
            open=_open,
            wanted="CGD_instructions.json of MIMIC-IT, and train2017 of COCO 2017",
            pictures=_PICTURES,
        ),
        Form(
            name="mirror",
            files=_mirror_files,
            splits=lambda raw: ["train"] if _mirror_files(raw, "train") else [],
            rows=_mirror_rows,
            key=_key,
            convert=_mirror_convert,
            open=_open,
            wanted="Parquet of pufanyi/MIMICIT, config CGD_Instructions, its folder named CGD",
            pictures=_PICTURES,
        ),
    ),
)
