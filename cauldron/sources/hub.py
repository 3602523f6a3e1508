"""The hub form of any source: Parquet with `images` and `texts[{user, assistant, source}]`.

It is how The Cauldron and sets in its shape are published. There are no ids in it, so a sample is
named by its file and row; all pictures stand in front of the first question.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from cauldron.readers.columnar import columns, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form


def _files(raw: Raw, split: str) -> list[Found]:
    found = raw.find("**/*.parquet")
    named = [f for f in found if PurePosixPath(f.path).name.startswith(f"{split}-")]
    anonymous = [f for f in found if "-" not in PurePosixPath(f.path).stem]
    chosen = named or (anonymous if split == "train" else [])
    return [f for f in chosen if _has_hub_columns(f)]


def _has_hub_columns(found: Found) -> bool:
    names = columns(found)
    return not names or {"images", "texts"} <= names  # an unreadable file counts as one reject


def _splits(raw: Raw) -> list[str]:
    stems = [PurePosixPath(f.path).stem for f in raw.find("**/*.parquet")]
    named = sorted({stem.split("-")[0] if "-" in stem else "train" for stem in stems})
    return [split for split in named if _files(raw, split)]


def rows_for(source: str) -> Form:
    """Return the hub form of a source."""

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from parquet_groups(raw, file, split, source)

    return Form(
        name="hub",
        files=_files,
        splits=_splits,
        rows=rows,
        key=_key,
        convert=_convert,
        open=open_parquet,
        wanted="Parquet with the columns images and texts, as the hub configs of The Cauldron",
    )


def _key(row: Row) -> str:
    return f"{PurePosixPath(row.file).stem}/{row.record}"


def _convert(row: Row) -> Draft | Reject | Skip:
    pictures = []
    for image in row.data["images"] or []:
        value = image.get("bytes") if isinstance(image, dict) else None
        path = str(image.get("path") or "") if isinstance(image, dict) else ""
        if value is not None:
            pictures.append(Picture(path=path, bytes=value))
        else:
            pictures.append(Picture(path=path, candidates=(path,)))
    turns = tuple(
        Turn(
            user=str(text["user"] or ""),
            assistant=str(text["assistant"] or ""),
            extra={"source": text["source"]} if text.get("source") else None,
        )
        for text in row.data["texts"] or []
    )
    return Draft(images=tuple(pictures), turns=turns)
