"""Where things stand in raw folders: names of splits, places of pictures, Parquet copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from cauldron.phrasing import collapse, text
from cauldron.readers import columns, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, content_hash
from cauldron.sources.base import Form

Names = Mapping[str, tuple[str, ...]]
SPLITS: Names = {"train": ("train",), "val": ("val", "validation", "dev"), "test": ("test",)}
"""The splits of most sources, each with the names that its files may go by."""


def split_names(split: str, splits: Names = SPLITS) -> tuple[str, ...]:
    """Return the names that the files of a split may go by, none for an unknown split."""
    return next((names for name, names in splits.items() if split in (name, *names)), ())


def splits_by(
    files: Callable[[Raw, str], list[Found]], splits: Iterable[str] = SPLITS
) -> Callable[[Raw], list[str]]:
    """Return the function that lists the splits whose files are there."""
    return lambda raw: [split for split in splits if files(raw, split)]


def first_found(raw: Raw, *patterns: str) -> list[Found]:
    """Return the first file of the first pattern that fits any, as a list."""
    for pattern in patterns:
        found = raw.find(pattern)
        if found:
            return found[:1]
    return []


def folder_name(found: Found) -> str:
    """Return the name of the folder that a file lies in, also where it is the root itself."""
    return found.folder.rpartition("/")[2].removesuffix("!")


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


def parquet_files(raw: Raw, names: Iterable[str], fits: Callable[[set[str]], bool]) -> list[Found]:
    """Return the Parquet files of a split whose columns fit, and unreadable ones among them."""
    shapes = ("{}-*.parquet", "{}/*.parquet", "partial-{}/*.parquet", "{}.parquet")
    found = raw.find(*(shape.format(name) for name in names for shape in shapes))
    known = [(file, columns(file)) for file in found]
    fitting = [file for file, has in known if not has or fits(has)]
    return fitting if any(has and fits(has) for _, has in known) else []


def parquet_form(
    source: str,
    fits: Callable[[set[str]], bool],
    convert: Callable[[Row], Draft | Reject | Skip],
    wanted: str,
    *,
    name: str = "mirror",
    splits: Names = SPLITS,
    open: Callable[[Row, Raw], Iterable[Row | Reject]] = open_parquet,
) -> Form:
    """Return the form of a Parquet copy: one record a row, named by its file and number.

    Args:
        fits: whether a set of column names is this copy's.
        open: `open_runs` where neighbours may show the same picture.
    """

    def files(raw: Raw, split: str) -> list[Found]:
        return parquet_files(raw, split_names(split, splits), fits)

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from parquet_groups(raw, file, split, source)

    return Form(
        name=name,
        files=files,
        splits=splits_by(files, splits),
        rows=rows,
        key=lambda row: f"{stem(row.file)}/{row.data.get('run', row.record)}",
        convert=convert,
        open=open,
        wanted=wanted,
    )


def open_runs(row: Row, raw: Raw) -> Iterator[Row | Reject]:
    """Expand Parquet rows; `run` is the number of the first of neighbours with one picture."""
    run, last = "", None
    for opened in open_parquet(row, raw):
        if isinstance(opened, Row) and isinstance(opened.data, dict):
            shown = _cell(opened.data.get("image"))
            if shown != last or shown == (None, ""):
                run, last = opened.record, shown
            opened = replace(opened, data={**opened.data, "run": run})
        yield opened


def cell_picture(row: Row, cell: Any, name: str = "") -> Picture:
    """Return the picture of a Parquet cell: its bytes, or the place that its path names."""
    payload, path = _cell(cell)
    if payload is not None:
        return Picture(path=name or path, bytes=payload)
    return Picture(path=name or path, candidates=(row.near(path), path) if path else ())


def _cell(cell: Any) -> tuple[bytes | None, str]:
    if isinstance(cell, dict):
        return cell.get("bytes"), str(cell.get("path") or "")
    return (cell, "") if isinstance(cell, bytes) else (None, cell if isinstance(cell, str) else "")
