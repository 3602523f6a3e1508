"""RAVEN: matrices of eight panels whose ninth has to be found among eight choices.

Zhang et al. 2019, RAVEN, arXiv:1903.02741. A hash of the puzzle decides between two tasks: say
whether one choice, shown as a second picture, completes the matrix; or name the letter of the right
one. Panels are read row by row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from cauldron.errors import StorageError
from cauldron.media.images import encode_png, open_rgb
from cauldron.media.panels import lettered, matrix, stacked
from cauldron.phrasing import answered_yes_no, asked_yes_no, letter
from cauldron.readers import npz_arrays, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn, content_hash
from cauldron.sources._places import parquet_files
from cauldron.sources.base import Form, Source

T = TypeVar("T")

CHECK = (
    "The first image is a puzzle of nine panels with one missing. Does the second image show the "
    "missing panel?",
    "Can the panel in the second image take the place of the question mark in the first image?",
    "Is the second image the right completion of the pattern in the first image?",
    "Judging by the rules that the rows of the first image follow, is the second image the panel "
    "that belongs in the open place?",
    "Would putting the second image at the question mark complete the matrix correctly?",
    "Look at the matrix in the first image. Does the panel in the second image fit its last place?",
)
CHOOSE = (
    "Which of the choices A to H completes the matrix? Answer with the letter.",
    "Find the panel that takes the place of the question mark. Answer with its letter.",
    "The rows of the matrix follow the same rules. Which lettered panel is missing? Answer with "
    "the letter.",
    "Choose the panel that fits the open place of the puzzle. Answer with the letter only.",
)
_SPLITS = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}
_ALIASES = {"validation": "val", "dev": "val"}
_NAME = re.compile(r"RAVEN_(\d+)_[a-z]+\.npz")
_N_CONTEXT = _N_CHOICES = 8
_MAX_SIDE = 512
_MAX_FILE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Puzzle:
    context: list[Image.Image]
    choices: list[Image.Image]
    target: int
    structure: list[str]


def _names(split: str) -> tuple[str, ...]:
    return _SPLITS.get(_ALIASES.get(split, split), ())


def _files(raw: Raw, split: str) -> list[Found]:
    found = raw.find(*(f"RAVEN_*_{name}.npz" for name in _names(split)))
    return [file for file in found if _NAME.fullmatch(PurePosixPath(file.path).name)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        path = PurePosixPath(file.path)
        folder = PurePosixPath(file.folder).name
        number = path.stem.split("_")[1]
        data = {"url": file.url, "folder": folder, "id": number}
        yield Row(
            file=file.path, record="", data=data, folder=file.folder, split=split, source="raven"
        )


def _key(row: Row) -> str:
    return f"{row.data['folder']}/{row.data['id']}"


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    try:
        arrays = npz_arrays(raw.read(row.data["url"], _MAX_FILE_BYTES))
    except StorageError as error:
        return [Reject(reason="file_unreadable", detail=error.message)]
    return [replace(row, data={**row.data, "arrays": arrays})]


def _convert(row: Row) -> Draft | Reject | Skip:
    arrays = row.data["arrays"]
    images, target = arrays["image"], arrays["target"]
    sides = images.shape[1:]
    if images.dtype != np.uint8 or images.shape[0] != 16 or len(sides) != 2 or not _fair(sides):
        detail = f"{images.dtype} {images.shape}"
        return Reject(reason="panels_malformed", detail=detail)
    panels = [Image.fromarray(panel) for panel in images]
    structure = [_text(part) for part in np.atleast_1d(arrays.get("structure", [])).tolist()]
    puzzle = _Puzzle(
        context=panels[:_N_CONTEXT],
        choices=panels[_N_CONTEXT:],
        target=int(target),
        structure=structure,
    )
    return _draft(row, puzzle)


def _fair(sides: Sequence[int]) -> bool:
    return all(8 <= side <= _MAX_SIDE for side in sides)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _draft(row: Row, puzzle: _Puzzle) -> Draft | Reject:
    if not 0 <= puzzle.target < _N_CHOICES:
        return Reject(reason="answer_not_among_choices", detail=f"target {puzzle.target}")
    board = matrix([*puzzle.context, None], 3)
    extra = {"target": puzzle.target, "structure": puzzle.structure}
    if _chosen(row, ("check", "choose"), "task") == "choose":
        letters = "".join(map(letter, range(_N_CHOICES)))
        sheet = stacked([board, lettered(puzzle.choices, 4, letters)])
        turn = Turn(user=_chosen(row, CHOOSE, "question"), assistant=letters[puzzle.target])
        return Draft(images=(_png("puzzle.png", sheet),), turns=(turn,), extra=extra)
    shown = puzzle.target
    if not _chosen(row, (True, False), "right"):
        shown = _chosen(row, [n for n in range(_N_CHOICES) if n != shown], "wrong choice")
    turn = Turn(
        user=asked_yes_no(row, _chosen(row, CHECK, "question")),
        assistant=answered_yes_no(row, shown == puzzle.target),
    )
    pictures = (_png("matrix.png", board), _png("choice.png", matrix([puzzle.choices[shown]], 1)))
    return Draft(images=pictures, turns=(turn,), extra={**extra, "shown": shown})


def _png(name: str, image: Image.Image) -> Picture:
    return Picture(path=name, bytes=encode_png(image))


def _chosen(row: Row, options: Sequence[T], purpose: str) -> T:
    """Choose by the puzzle's own name, so that the place of its file does not matter."""
    number = content_hash(row.seed, row.source, row.split, _key(row), purpose)
    return options[number % len(options)]


def _mirror_files(raw: Raw, split: str) -> list[Found]:
    return parquet_files(raw, _names(split), {"panels", "choices", "target"}.issubset)


def _mirror_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from parquet_groups(raw, file, split, "raven")


def _mirror_open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    path = PurePosixPath(row.folder)
    is_split = path.name.removeprefix("partial-") in _names(row.split)
    folder = path.parent.name if is_split else path.name
    for opened in open_parquet(row, raw):
        if isinstance(opened, Row) and isinstance(opened.data, dict):
            number = str(opened.data.get("id", opened.record))
            yield replace(opened, data={**opened.data, "folder": folder, "id": number})
        else:
            yield opened


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    lists = [row.data["panels"], row.data["choices"]]
    panels = [[open_rgb(image["bytes"]).convert("L") for image in images] for images in lists]
    sizes = {panel.size for images in panels for panel in images}
    if [len(images) for images in panels] != [_N_CONTEXT, _N_CHOICES] or len(sizes) != 1:
        return Reject(reason="panels_malformed", detail=f"{[len(i) for i in panels]} panels")
    if not _fair(next(iter(sizes))):
        return Reject(reason="panels_malformed", detail=f"sides {sizes}")
    puzzle = _Puzzle(
        context=panels[0],
        choices=panels[1],
        target=int(row.data["target"]),
        structure=[_text(part) for part in row.data.get("structure") or []],
    )
    return _draft(row, puzzle)


SOURCE = Source(
    name="raven",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: [split for split in _SPLITS if _files(raw, split)],
            rows=_rows,
            key=_key,
            convert=_convert,
            open=_open,
            wanted="RAVEN-10000/ with its seven folders of RAVEN_<n>_<split>.npz",
        ),
        Form(
            name="mirror",
            files=_mirror_files,
            splits=lambda raw: [split for split in _SPLITS if _mirror_files(raw, split)],
            rows=_mirror_rows,
            key=_key,
            convert=_mirror_convert,
            open=_mirror_open,
            wanted="Parquet of HuggingFaceM4/RAVEN, one folder a figure layout",
        ),
    ),
)
