"""GeomVerse: made-up geometry problems with a worked solution.

Kazemi et al. 2023, GeomVerse: A Systematic Evaluation of Large Models for Geometric Reasoning,
arXiv:2312.12241. The question and the solution are kept as they stand, and so are the bytes of the
pictures. Only the mixed training folder is read as `train`.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.phrasing import text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import splits_of
from cauldron.sources.base import Form, Source

_FILES = {"train": ("TRAIN/TRAIN_MIX/data.jsonl",), "test": ("TEST/*/data.jsonl",)}
_USED = ("question", "cot", "image_path")


def _files(raw: Raw, split: str) -> list[Found]:
    return raw.find(*_FILES[split]) if split in _FILES else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_lines(raw, file, split, "geomverse")


def _convert(row: Row) -> Draft | Reject | Skip:
    plain_values = (str, int, float, bool)
    kept = {
        name: value
        for name, value in row.data.items()
        if name not in _USED and isinstance(value, plain_values)
    }
    turn = Turn(
        user=text(row.data["question"]).strip(),
        assistant=text(row.data["cot"]).strip(),
        extra=kept,
    )
    path = text(row.data["image_path"])
    name = path.rpartition("/")[2]
    inside = path.removeprefix("GeomVerse/")
    far = (path, inside, f"GeomVerse/{inside}")
    near = (row.near("..", "..", inside), row.near("images", name))
    return Draft(images=(Picture(path=name, candidates=(*far, *near)),), turns=(turn,))


SOURCE = Source(
    name="geomverse",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, dict.fromkeys(_FILES, ())),
            rows=_rows,
            key=lambda row: text(row.data["image_path"]).rpartition(".")[0],
            convert=_convert,
            wanted="GeomVerse.zip: GeomVerse/TRAIN/TRAIN_MIX/data.jsonl and the pictures that it "
            "names",
        ),
    ),
)
