"""Hateful Memes: is a picture with its overlaid words hateful, yes or no.

Kiela et al. 2020, The Hateful Memes Challenge, arXiv:2005.04790. The label follows the challenge's
own definition, so every wording asks whether the meme is hateful and nothing else. The overlaid
words are kept beside the sample. Pictures are joined by `img`, whose zeros `id` lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.phrasing import answered_yes_no, asked_yes_no, text
from cauldron.readers import json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form, placed, stem
from cauldron.sources._records import holds
from cauldron.sources._wording import requested
from cauldron.sources.base import Form, Source

ASK = (
    "Is this meme hateful?",
    "Would you call this meme hateful?",
    "Does this meme express hate against a group of people?",
    "Is the message of this meme hateful?",
    "Taken together, are the picture and the words of this meme hateful?",
    "Should this meme be labelled as hateful?",
    "Does this meme count as hate speech?",
    "Is hate spread by this meme?",
)
_FILES = {
    "train": ("train",),
    "dev": ("dev_seen", "dev"),
    "dev_seen": ("dev_seen",),
    "dev_unseen": ("dev_unseen",),
    "test": ("test_seen", "test"),
    "test_seen": ("test_seen",),
    "test_unseen": ("test_unseen",),
}
_ALIASES = {"val": "dev", "validation": "dev"}
_PARQUET = {
    split: (*names, "validation") if split == "dev" else names for split, names in _FILES.items()
}


def _files(raw: Raw, split: str) -> list[Found]:
    for name in _FILES.get(_ALIASES.get(split, split), ()):
        for found in raw.find(f"{name}.jsonl"):
            if holds(json_lines(raw, found, split, "hateful_memes"), "id", "img", "text"):
                return [found]
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_lines(raw, file, split, "hateful_memes")


def _draft(row: Row, picture: Picture) -> Draft | Reject | Skip:
    label: Any = row.data.get("label")
    if label is None or label == -1:
        return Skip(reason="unlabelled")
    if str(label) not in ("0", "1"):
        return Reject(reason="label_unknown", detail=f"label {label!r}")
    turn = Turn(
        user=asked_yes_no(row, requested(row, ASK)),
        assistant=answered_yes_no(row, str(label) == "1"),
        extra={"question": ASK[0], "id": row.data.get("id")},
    )
    return Draft(images=(picture,), turns=(turn,), extra={"text": row.data.get("text")})


def _convert(row: Row) -> Draft | Reject | Skip:
    path = text(row.data["img"])
    name = path.rpartition("/")[2]
    return _draft(row, Picture(path=name, candidates=placed(row, name, "img")))


SOURCE = Source(
    name="hateful_memes",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: [split for split in _FILES if _files(raw, split)],
            rows=_rows,
            key=lambda row: stem(row.data["img"]),
            convert=_convert,
            wanted="train.jsonl beside img/ of the archive that is handed out by "
            "hatefulmemeschallenge.com after its licence is accepted",
        ),
        parquet_form(
            "hateful_memes",
            lambda has: {"image", "label", "text"} <= has,
            lambda row: _draft(row, cell_picture(row, row.data["image"])),
            "Parquet with image, label, text (HuggingFaceM4/Hateful-Memes)",
            splits=_PARQUET,
        ),
    ),
)
