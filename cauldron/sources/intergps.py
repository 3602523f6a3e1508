"""Inter-GPS (Geometry3K): geometry problems of school textbooks on drawn figures.

Lu et al. 2021, Inter-GPS: Interpretable Geometry Problem Solving with Formal Language and Symbolic
Reasoning, arXiv:2105.04165. Each problem is a folder; its text is LaTeX with blanks between the
letters and is asked as it stands. The compact and the annotated wording are kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from string import ascii_uppercase
from typing import Any

from cauldron.phrasing import answered_letter, asked_choice, text
from cauldron.readers import json_file
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_KEPT = (
    "compact_text",
    "annotat_text",
    "compact_choices",
    "precise_value",
    "problem_type_graph",
    "problem_type_goal",
)


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split):
        found = raw.find(f"{name}/*/data.json")
        if found:
            return found
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield json_file(raw, file, split, "intergps")


def _convert(row: Row) -> Draft | Reject | Skip:
    data: dict[str, Any] = row.data
    options = data["choices"]
    right = text(data["answer"]).strip().upper()
    if right not in list(ascii_uppercase[: len(options)]):
        return Reject(reason="answer_not_among_choices", detail=f"answer {right!r}")
    words = text(data["problem_text"]).strip()
    turn = Turn(
        user=asked_choice(row, words, options),
        assistant=answered_letter(row, ascii_uppercase.index(right)),
        extra={"question": words, **{name: data[name] for name in _KEPT if name in data}},
    )
    picture = Picture(path="img_diagram.png", candidates=(row.near("img_diagram.png"),))
    return Draft(images=(picture,), turns=(turn,))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    """Convert a row of the mirror, which has free answers and a mark where the picture stands."""
    images = tuple(cell_picture(row, image) for image in row.data["images"])
    words = text(row.data["problem"]).replace("<image>", "").strip()
    return Draft(images=images, turns=(Turn(user=words, assistant=text(row.data["answer"])),))


SOURCE = Source(
    name="intergps",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: PurePosixPath(row.file).parent.name,
            convert=_convert,
            wanted="data/geometry3k of lupantech/InterGPS: train/<id>/data.json beside "
            "img_diagram.png (train.zip, val.zip, test.zip)",
        ),
        parquet_form(
            "intergps",
            {"images", "problem", "answer"}.issubset,
            _mirror_convert,
            "Parquet of hiyouga/geometry3k, whose answers are values and not letters",
        ),
    ),
)
