"""The passages of RenderedText: pictures in WebDataset tars, their lines in a JSON file beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form

_PICTURES = ("png", "jpg", "jpeg", "webp")


def rendered_forms(
    source: str,
    listed: Callable[[list[Found], str, str], Iterator[Row]],
    opened: Callable[[Row, Raw], Iterable[Row | Reject]],
    convert: Callable[[Row], Draft | Reject | Skip],
) -> tuple[Form, Form]:
    """Return the forms of a source of these passages: the tars, and the hub's Parquet of them.

    Args:
        listed: makes cheap rows of tars of a split for a source.
        opened: expands such a row inside a worker.
    """

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        yield from listed(found, split, source)

    official = Form(
        name="official",
        files=_tars,
        splits=lambda raw: ["train"] if _tars(raw, "train") else [],
        rows=rows,
        key=lambda row: f"{row.file.removesuffix('.tar')}/{row.record}",
        convert=convert,
        open=opened,
        wanted="tars of wendlerc/RenderedText, such as 000000.tar",
    )
    copy = parquet_form(
        source,
        _is_copy,
        convert,
        "the hub's Parquet conversion of wendlerc/RenderedText (default/partial-train/)",
        splits={"train": ("train",)},
    )
    return official, copy


def _tars(raw: Raw, split: str) -> list[Found]:
    """Return the numbered tars of the set; all are `train`."""
    return raw.find("[0-9]*.tar") if split == "train" else []


def _is_copy(columns: set[str]) -> bool:
    """Say whether these are the columns of the hub's Parquet copy."""
    return {"__key__", "json"} <= columns and bool({*_PICTURES} & columns)


def passage_of(row: Row) -> tuple[Picture, str] | Reject:
    """Return picture and passage of a sample of a tar, or of a row of the Parquet copy.

    Lines are joined by line breaks, blanks at their ends are left out.
    """
    ending = next((ending for ending in _PICTURES if row.data.get(ending)), "")
    told = row.data.get("json")
    if not ending or not told:
        key = text(row.data.get("__key__") or "")
        return Reject(reason="half_sample", detail=key or ", ".join(sorted(row.data)))
    told = orjson.loads(told) if isinstance(told, str | bytes) else told
    if "__key__" in row.data:
        return cell_picture(row, row.data[ending]), _passage(told)
    name = f"{row.record.rpartition('/')[2]}.{ending}"
    return Picture(path=name, bytes=row.data[ending]), _passage(told)


def _passage(told: Any) -> str:
    annotation = told["ocr_annotation"]
    if isinstance(annotation, str):
        annotation = orjson.loads(annotation)
    lines = annotation["text"]
    lines = lines.splitlines() if isinstance(lines, str) else [text(line) for line in lines]
    return "\n".join(line.rstrip() for line in lines).strip("\n")
