"""RenderedText: passages of text rendered in three dimensions, to be transcribed.

The set of C. Wendler on the hub (wendlerc/RenderedText), about 12 million pictures in WebDataset
tars. The lines of a passage are joined by line breaks and kept letter for letter. A tar is read in
one go by a worker; name some tars or use a limit, since few need all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers import open_tar_shard, tar_shards
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "Transcribe the text in the picture.",
    "What does the text in this image say?",
    "Read out the text that is shown.",
    "Write down the text you see in the image.",
    "Copy the text of the picture, line by line.",
    "Which words can be read in this picture?",
    "Please give the full text in the image.",
    "Extract the text from this picture.",
    "Type out what is written here.",
    "Reproduce the writing in the image exactly.",
)
_PICTURES = ("png", "jpg", "jpeg", "webp")


def _files(raw: Raw, split: str) -> list[Found]:
    return raw.find("[0-9]*.tar") if split == "train" else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    yield from tar_shards(found, split, "rendered_text")


def _convert(row: Row) -> Draft | Reject | Skip:
    ending = next((ending for ending in _PICTURES if ending in row.data), "")
    if not ending or "json" not in row.data:
        return Reject(reason="half_sample", detail=", ".join(sorted(row.data)))
    name = f"{row.record.rpartition('/')[2]}.{ending}"
    told = orjson.loads(row.data["json"])
    return _draft(row, told, Picture(path=name, bytes=row.data[ending]))


def _draft(row: Row, told: Any, picture: Picture) -> Draft | Skip:
    annotation = told["ocr_annotation"]
    if isinstance(annotation, str):
        annotation = orjson.loads(annotation)
    lines = annotation["text"]
    lines = lines.splitlines() if isinstance(lines, str) else [text(line) for line in lines]
    passage = "\n".join(line.rstrip() for line in lines).strip("\n")
    if not passage.strip():
        return Skip(reason="empty_text")
    turn = Turn(user=requested(row, REQUESTS), assistant=passage, extra={"question": REQUESTS[0]})
    return Draft(images=(picture,), turns=(turn,))


def _copied(row: Row) -> Draft | Reject | Skip:
    ending = next((ending for ending in _PICTURES if row.data.get(ending)), "")
    if not ending or not row.data.get("json"):
        return Reject(reason="half_sample", detail=text(row.data["__key__"]))
    told = row.data["json"]
    told = orjson.loads(told) if isinstance(told, str | bytes) else told
    return _draft(row, told, cell_picture(row, row.data[ending]))


SOURCE = Source(
    name="rendered_text",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=lambda row: f"{row.file.removesuffix('.tar')}/{row.record}",
            convert=_convert,
            open=open_tar_shard,
            wanted="tars of wendlerc/RenderedText, such as 000000.tar",
        ),
        parquet_form(
            "rendered_text",
            lambda columns: {"__key__", "json"} <= columns and bool({*_PICTURES} & columns),
            _copied,
            "the hub's Parquet conversion of wendlerc/RenderedText (default/partial-train/)",
            splits={"train": ("train",)},
        ),
    ),
)
