"""DVQA: questions on synthetic bar charts, whose labels are random words.

Kafle et al. 2018, DVQA: Understanding Data Visualizations via Question Answering,
arXiv:1801.08163. Digits are values of bars and words are counts, so numbers are never rewritten.
All questions on one chart become one sample wherever they stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import SHORT_ANSWER, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed, stem
from cauldron.sources.base import Form, Source

_PARTS = {
    "train": ("train",),
    "val_easy": ("val_easy",),
    "val_hard": ("val_hard",),
    "val": ("val_easy", "val_hard"),
}
_ALIASES = {"validation": "val", "dev": "val"}
_KEPT = ("question", "question_id", "answer", "image")


def _files(raw: Raw, split: str) -> list[Found]:
    parts = _PARTS.get(_ALIASES.get(split, split), ())
    return [found for part in parts for found in raw.find(f"{part}_qa.json")[:1]]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        for row in json_list(raw, file, split, "dvqa"):
            yield replace(row, data=_slim(row.data)) if isinstance(row.data, dict) else row


def _slim(data: dict[str, Any]) -> dict[str, Any]:
    """Keep what is used; the README and the files differ in the names of two fields."""
    kept = {key: data[key] for key in _KEPT if key in data}
    kept["template"] = data.get("template_id", data.get("question_type"))
    kept["box"] = data.get("answer_bbox", data.get("bbox_answer")) or None
    return kept


def _draft(row: Row, picture: Picture) -> Draft | Skip:
    if row.data.get("answer") is None:
        return Skip(reason="unlabelled")
    turn = Turn(
        user=asked(row, row.data["question"], SHORT_ANSWER),
        assistant=answered(row, row.data["answer"]),
        extra={
            "question_id": row.data.get("question_id"),
            "template": row.data.get("template", row.data.get("template_id")),
            "box": row.data.get("box", row.data.get("answer_bbox")),
        },
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image"])
    return _draft(row, Picture(path=name, candidates=placed(row, name, "images")))


def _copied(row: Row) -> Draft | Reject | Skip:
    return _draft(row, cell_picture(row, row.data["image"], text(row.data["image_path"])))


SOURCE = Source(
    name="dvqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _PARTS),
            rows=_rows,
            key=lambda row: stem(text(row.data["image"])),
            convert=_convert,
            wanted="train_qa.json of DVQA's question files, and its images/",
            pictures="the picture download of kushalkafle/DVQA_dataset, unpacked as images/",
        ),
        parquet_form(
            "dvqa",
            lambda columns: {"image", "image_path", "question", "answer"} <= columns,
            _copied,
            "Parquet with image, image_path, question, answer (HuggingFaceM4/DVQA)",
            splits={**_PARTS, "val": ("val", "val_easy", "val_hard")},
            gathered=("image",),
        ),
    ),
)
