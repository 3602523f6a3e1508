"""COCO-QA: one-word questions made from COCO captions by a program.

Ren et al. 2015, Exploring Models and Data for Image Question Answering, arXiv:1505.02074. Four text
files are aligned by line alone. A question that comes back on the same picture is kept once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from typing import IO

from cauldron.errors import SourceError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import BRIEF_ANSWER, answered, asked, collapse
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._coco import COCO_FOLDERS, COCO_PICTURES, coco
from cauldron.sources._layouts import splits_of
from cauldron.sources._places import repeats_marked
from cauldron.sources._wording import tight
from cauldron.sources.base import Form, Source

_FIELDS = ("questions", "answers", "img_ids", "types")
_TYPES = {"0": "object", "1": "number", "2": "colour", "3": "place"}
_FOLDERS = {"train": COCO_FOLDERS["train"], "test": COCO_FOLDERS["val"]}


def _files(raw: Raw, split: str) -> list[Found]:
    if split not in _FOLDERS:
        return []
    asked_in = raw.find(f"{split}/questions.txt")
    return [f for f in asked_in if raw.exists(f"{f.folder}/img_ids.txt")][:1]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from repeats_marked(_aligned(raw, file, split), "img_ids", "questions")


def _aligned(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    """One row a line of the four files.

    Raises:
        SourceError: if they differ in length.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(raw.open(f"{file.folder}/{f}.txt")) for f in _FIELDS]
        for number, lines in enumerate(zip_longest(*map(_lines, opened))):
            if None in lines:
                short = ", ".join(
                    f"{f}.txt" for f, x in zip(_FIELDS, lines, strict=True) if x is None
                )
                raise SourceError(
                    "the four files differ in length, so that lines do not belong together",
                    place=file.path,
                    hint=f"no line {number + 1} in {short}; download the archive again",
                )
            yield Row(
                file=file.path,
                record=str(number),
                data=_fields(lines),
                folder=file.folder,
                split=split,
                source="cocoqa",
            )


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; one empty line at the end is left out."""
    held: bytes | None = None
    for line in iter(lambda: stream.readline(LIMITS.max_line_bytes), b""):
        if held is not None:
            yield held
        held = line.removeprefix(b"\xef\xbb\xbf").strip()
    if held:
        yield held


def _fields(lines: tuple[bytes, ...]) -> dict[str, str] | Reject:
    try:
        return {field: line.decode("utf-8") for field, line in zip(_FIELDS, lines, strict=True)}
    except UnicodeDecodeError as error:
        return Reject(reason="text_not_utf8", detail=str(error))


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    words = tight(collapse(row.data["questions"]))
    marked = words if not words or words.endswith("?") else f"{words}?"
    kind = row.data["types"].strip()
    turn = Turn(
        user=asked(row, words if row.plain else marked, BRIEF_ANSWER),
        assistant=answered(row, row.data["answers"]),
        extra={"type": _TYPES.get(kind, kind)},
    )
    return Draft(images=(coco(row, row.data["img_ids"], _FOLDERS[row.split]),), turns=(turn,))


SOURCE = Source(
    name="cocoqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: str(int(row.data["img_ids"])),
            convert=_convert,
            wanted="cocoqa-2015-05-17.zip with train/questions.txt, answers.txt, img_ids.txt and "
            "types.txt, and train2014/ or train2017/ of COCO",
            pictures=COCO_PICTURES,
        ),
    ),
)
