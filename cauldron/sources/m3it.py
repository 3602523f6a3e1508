"""M3IT: forty vision-language tasks written as an instruction, an input and an answer.

Li et al. 2023, M3IT: A Large-Scale Dataset towards Multi-Modal Multilingual Instruction Tuning,
arXiv:2306.04387. The question is the instruction and, on a line of its own, the input; pictures
(several for some tasks, the frames of a video for others) stand in front.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._chats import fields, record_forms
from cauldron.sources._places import cell_picture
from cauldron.sources.base import Source

_PICTURES = ("image_base64_str", "img_str", "image", "images")


def _convert(row: Row) -> Draft | Reject | Skip:
    data = row.data
    held: Any = next((data[name] for name in _PICTURES if data.get(name)), [])
    try:
        pictures = [_picture(row, cell) for cell in (held if isinstance(held, list) else [held])]
    except (binascii.Error, ValueError) as error:
        return Reject(reason="image_base64_invalid", detail=str(error)[:200])
    if not pictures:
        return Reject(reason="image_missing", detail="no picture in the record")
    asked = [text(data[name] or "").strip() for name in ("instruction", "inputs") if name in data]
    turn = Turn(user="\n".join(filter(None, asked)), assistant=text(data["outputs"] or "").strip())
    task = row.file.rpartition("/")[0].rpartition("/")[2]
    extra = {"task": task} if task else {}
    return Draft(images=tuple(pictures), turns=(turn,), extra=extra | fields(row, ("meta_data",)))


def _picture(row: Row, cell: Any) -> Picture:
    """Return a picture that is written in base64, or that a Parquet cell holds."""
    if not isinstance(cell, str):
        return cell_picture(row, cell)
    written = "".join(cell.partition("base64,")[2 if cell.startswith("data:") else 0].split())
    return Picture(bytes=base64.b64decode(written, validate=True))


SOURCE = Source(
    name="m3it",
    forms=record_forms(
        "m3it",
        {
            "train": ("train.jsonl", "train_*.jsonl", "*_train.jsonl"),
            "val": ("val.jsonl", "validation.jsonl", "dev.jsonl"),
            "test": ("test.jsonl",),
        },
        {"instruction", "outputs"},
        _convert,
        "data/<kind>/<task>/train.jsonl of MMInstruction/M3IT",
        key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}",
        tables={"train": ("train",), "val": ("validation", "val"), "test": ("test",)},
    ),
)
