"""The hub form of any source: Parquet with `images` and `texts[{user, assistant, source}]`.

It is how The Cauldron and sets in its shape are published. There are no ids in it, so a sample is
named by its file and row; all pictures stand in front of the first question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from cauldron.readers.columnar import columns, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form

_FOLDERS = ("train", "validation", "valid", "val", "dev", "test")


def split_files(raw: Raw, split: str) -> list[Found]:
    """Return the Parquet files of a split: named after it, or in a folder named after it."""
    found = raw.find("**/*.parquet")
    named = [f for f in found if _split_of(f) == split]
    anonymous = [f for f in found if _split_of(f) == ""]
    return named or (anonymous if split == "train" else [])


def _split_of(found: Found) -> str:
    path = PurePosixPath(found.path)
    if "-" in path.stem:
        return path.stem.split("-")[0]
    return path.parent.name if path.parent.name in _FOLDERS else ""


def splits_there(raw: Raw, chosen: Callable[[Raw, str], list[Found]]) -> list[str]:
    """Return the splits for which files are chosen."""
    named = sorted({_split_of(f) or "train" for f in raw.find("**/*.parquet")})
    return [split for split in named if chosen(raw, split)]


def _files(raw: Raw, split: str) -> list[Found]:
    return [f for f in split_files(raw, split) if _has_hub_columns(f)]


def _has_hub_columns(found: Found) -> bool:
    names = columns(found)
    return not names or {"images", "texts"} <= names  # an unreadable file counts as one reject


def rows_for(source: str) -> Form:
    """Return the hub form of a source."""
    wanted = "Parquet with the columns images and texts, as the hub configs of The Cauldron"
    return published_form(source, "hub", _files, row_key, _convert, wanted)


def published_form(
    source: str,
    name: str,
    files: Callable[[Raw, str], list[Found]],
    key: Callable[[Row], str],
    convert: Callable[[Row], Draft | Reject | Skip],
    wanted: str,
) -> Form:
    """Return a form of Parquet in which any source may be published, its splits told by names."""

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from parquet_groups(raw, file, split, source)

    return Form(
        name=name,
        files=files,
        splits=lambda raw: splits_there(raw, files),
        rows=rows,
        key=key,
        convert=convert,
        open=open_parquet,
        wanted=wanted,
    )


def row_key(row: Row) -> str:
    """Return file and row of a row that has no id."""
    return f"{PurePosixPath(row.file).stem}/{row.record}"


def _convert(row: Row) -> Draft | Reject | Skip:
    pictures = [picture_of(image) for image in row.data["images"] or []]
    turns = tuple(
        Turn(
            user=str(text["user"] or ""),
            assistant=str(text["assistant"] or ""),
            extra={"source": text["source"]} if text.get("source") else None,
        )
        for text in row.data["texts"] or []
    )
    return Draft(images=tuple(pictures), turns=turns)


def picture_of(image: Any) -> Picture:
    """Return a picture of an image column: its bytes, or the place that it names."""
    value = image.get("bytes") if isinstance(image, dict) else None
    path = str(image.get("path") or "") if isinstance(image, dict) else ""
    if value is not None:
        return Picture(path=path, bytes=value)
    return Picture(path=path, candidates=(path,))
