"""Where pictures stand: in folders near a row's file, or in the cells of a Parquet copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from cauldron.phrasing import collapse, text
from cauldron.readers import columns, open_parquet, parquet_groups
from cauldron.readers.pictured import open_pictured, pictured_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, content_hash
from cauldron.sources._layouts import SPLITS, Names, shown_name, split_names, splits_of
from cauldron.sources.base import Form


def folder_name(found: Found) -> str:
    """Return the name of the folder that a file lies in, also where it is the root itself."""
    return found.folder.rpartition("/")[2]


def stem(name: str) -> str:
    """Return a file name without its folders and its ending."""
    return PurePosixPath(name).stem


def above(row: Row, *relative: str) -> str:
    """Return the URL of a file beside the folder of the row's file."""
    return "/".join([row.folder.rpartition("/")[0], *relative])


def placed(row: Row, name: str, *folders: str) -> tuple[str, ...]:
    """Return where a picture may lie: in one of the folders, or flat.

    Folders stand beside the row's file, beside that file's own folder, or below a raw root.
    """
    beside = tuple(row.near(folder, name) for folder in folders)
    higher = tuple(above(row, folder, name) for folder in folders)
    below = tuple(f"{folder}/{name}" for folder in folders)
    return tuple(dict.fromkeys((*beside, *higher, *below, row.near(name), name)))


def repeats_marked(rows: Iterable[Row], picture: str, question: str) -> Iterator[Row]:
    """Mark rows that ask a question on a picture again with `skip`; holds one hash a row."""
    seen: set[int] = set()
    for row in rows:
        fact = _fact(row, picture, question)
        if fact is not None and fact in seen:
            row = replace(row, data={**row.data, "skip": "repeated_question"})
        elif fact is not None:
            seen.add(fact)
        yield row


def _fact(row: Row, picture: str, question: str) -> int | None:
    try:
        asked = collapse(text(row.data[question])).lower()
        return content_hash("fact", text(row.data[picture]), asked)
    except (KeyError, TypeError):
        return None


def parquet_form(
    source: str,
    fits: Callable[[set[str]], bool],
    convert: Callable[[Row], Draft | Reject | Skip],
    wanted: str,
    *,
    name: str = "mirror",
    splits: Names = SPLITS,
    opened: Callable[[Row, Raw], Iterable[Row | Reject]] = open_parquet,
    gathered: tuple[str, ...] = (),
    any_name: bool = False,
) -> Form:
    """Return the form of a Parquet copy: a sample is named by its file and row.

    Args:
        fits: whether a set of column names is this copy's.
        opened: expands a run of rows.
        gathered: picture columns; rows that show the same pictures become one sample.
        any_name: files whose names tell no split are the training split's, where no other is there.
    """
    every = [name for names in splits.values() for name in names]

    def files(raw: Raw, split: str) -> list[Found]:
        found = parquet_files(raw, split_names(split, splits), fits)
        if found or not any_name or split != "train" or parquet_files(raw, every, fits):
            return found
        return [file for file in raw.find("*.parquet") if (has := columns(file)) and fits(has)]

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        if gathered:
            yield from pictured_rows(raw, found, split, source, gathered)
            return
        for file in found:
            yield from parquet_groups(raw, file, split, source)

    return Form(
        name=name,
        files=files,
        splits=splits_of(files, splits),
        rows=rows,
        key=shown_name,
        convert=convert,
        open=open_pictured(*gathered) if gathered else opened,
        wanted=wanted,
    )


def parquet_files(raw: Raw, names: Iterable[str], fits: Callable[[set[str]], bool]) -> list[Found]:
    """Return a split's Parquet files whose columns fit, and unreadable ones among them."""
    shapes = ("{}-*.parquet", "{}/*.parquet", "partial-{}/*.parquet")
    found = raw.find(*(shape.format(name) for name in names for shape in shapes))
    known = [(file, columns(file)) for file in found]
    some = any(has and fits(has) for _, has in known)
    return [file for file, has in known if some and (not has or fits(has))]


def cell_picture(row: Row, cell: Any, name: str = "") -> Picture:
    """Return the picture of a Parquet cell: its bytes, or the place that its path names."""
    if isinstance(cell, bytes):
        return Picture(path=name, bytes=cell)
    held, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (None, cell)
    path = str(path or "")
    if held is not None:
        return Picture(path=name or path, bytes=held)
    return Picture(path=name or path, candidates=(row.near(path), path) if path else ())
