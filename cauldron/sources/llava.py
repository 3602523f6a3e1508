"""Any set of dialogues in the LLaVA shape: JSON or JSON lines with `conversations` or `messages`.

For your own files and for sets without a source of their own (LLaVAR, SVIT and their like, and
exports of labelling tools). All files below the raw folders that begin with such a record are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.readers.raw import Found, Raw, Row
from cauldron.sources._llava import PICTURES, chat
from cauldron.sources._records import holds, readable, records
from cauldron.sources.base import Form, Source


def _files(raw: Raw, split: str) -> list[Found]:
    found = raw.find("**/*.json", "**/*.jsonl") if split == "train" else []
    return [file for file in found if _fits(raw, file)]


def _fits(raw: Raw, file: Found) -> bool:
    shapes = ("conversations", "messages")
    return any(holds(_records(raw, file), shape) for shape in shapes)


def _records(raw: Raw, file: Found) -> Iterator[Row]:
    return readable(records(raw, file, "train", "llava"), file, "train", "llava")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from _records(raw, file)


SOURCE = Source(
    name="llava",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}",
            convert=chat,
            wanted="JSON files of records with conversations (or messages) and image (or images)",
            pictures=PICTURES,
        ),
    ),
)
