"""Pairs as they were downloaded: the tars, folders and Parquet files that img2dataset writes.

Also read are the tars that Idefics2 was trained on (`<key>.image.jpg` beside `<key>.text.txt`). A
download that failed has no picture: it is skipped as `download_failed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers import (
    beside,
    columns,
    open_parquet,
    open_tar_sample,
    parquet_groups,
    tar_samples,
)
from cauldron.readers.raw import Found, Raw, Row, natural
from cauldron.sample import Picture, Reject, Skip
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pairs import NSFW, Pair, convert, kept, split_of, unless_opted_out
from cauldron.sources.base import Form, Option

PICTURES = ("jpg", "jpeg", "png", "webp", "gif")
_OWN = ("caption", "key", "status", "error_message", "url")

Told = Callable[[Row, Mapping[str, Any]], Pair]
"""Makes a pair of the fields of a sidecar; `caption` among them is the text that was stored."""


def plain(row: Row, fields: Mapping[str, Any]) -> Pair:
    """Return a pair of what img2dataset wrote."""
    return Pair(
        caption=text(fields.get("caption") or ""),
        url=text(fields.get("url") or ""),
        extra=kept(fields, *_OWN),
    )


def download_forms(
    source: str, told: Told = plain, options: tuple[Option, ...] = ()
) -> tuple[Form, Form, Form]:
    """Return the forms of a download: tars, folders, Parquet."""
    options = (NSFW, *options, OPT_OUT)

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        for sample in open_tar_sample(row, raw):
            yield sample if isinstance(sample, Reject) else _read(sample, told)

    def from_table(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        for one in open_parquet(row, raw):
            yield one if isinstance(one, Reject) else _read_cell(one, told)

    def form(name: str, files: Any, rows: Any, open_: Any, wanted: str) -> Form:
        return Form(
            name=name,
            files=files,
            splits=splits_of(files),
            rows=rows,
            key=_key,
            convert=convert,
            open=unless_opted_out(open_),
            wanted=wanted,
            options=options,
        )

    tars = "the tars of img2dataset (00000.tar of 000000000.jpg, .txt and .json)"
    return (
        form("webdataset", _tars, _tar_rows(source), opened, tars),
        form(
            "files", _folders, _folder_rows(source), opened, "its folders, or any with .txt files"
        ),
        form("parquet", _tables, _table_rows(source), from_table, "its Parquet with picture bytes"),
    )


def _key(row: Row) -> str:
    place = row.file.rpartition(".")[0] if row.file.endswith((".tar", ".parquet")) else row.file
    return "/".join(part for part in (place, row.record) if part)


def _of_split(found: Iterable[Found], split: str) -> list[Found]:
    return [file for file in found if split_of(file) == split_names(split)[0]]


def _tars(raw: Raw, split: str) -> list[Found]:
    return _of_split(raw.find("*.tar", "*.tar.gz", "*.tgz"), split)


def _tar_rows(source: str) -> Callable[[Raw, list[Found], str], Iterator[Row]]:
    return lambda raw, found, split: tar_samples(found, split, source)


def _folders(raw: Raw, split: str) -> list[Found]:
    """Return pictures with a caption file or a sidecar beside them, and these; all are train."""
    if split_names(split)[0] != "train":
        return []
    found = raw.find(*(f"*.{ending}" for ending in (*PICTURES, "txt", "json")))
    stems: dict[str, set[str]] = {}
    for file in found:
        base, _, ending = file.url.rpartition(".")
        stems.setdefault(base, set()).add(ending.lower())
    fits = {base for base, has in stems.items() if has & {*PICTURES} and has & {"txt", "json"}}
    if not fits:
        return []
    failed = {base for base, has in stems.items() if has == {"json"} and _is_number(base)}
    chosen = [file for file in found if file.url.rpartition(".")[0] in fits | failed]
    return sorted(chosen, key=lambda file: natural(file.url))


def _is_number(base: str) -> bool:
    return base.rpartition("/")[2].isdecimal()


def _folder_rows(source: str) -> Callable[[Raw, list[Found], str], Iterator[Row]]:
    return lambda raw, found, split: beside(found, split, source)


def _tables(raw: Raw, split: str) -> list[Found]:
    found = _of_split(raw.find("*.parquet"), split)
    return [file for file in found if _has_pictures(columns(file))]


def _has_pictures(names: set[str]) -> bool:
    return {"key", "caption"} <= names and bool(names & {*PICTURES})


def _table_rows(source: str) -> Callable[[Raw, list[Found], str], Iterator[Row]]:
    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from parquet_groups(raw, file, split, source)

    return rows


def _read(sample: Row, told: Told) -> Row:
    """Read the members of a sample: picture, text, sidecar."""
    members: Mapping[str, bytes] = sample.data
    kinds = {ending.rpartition(".")[2]: payload for ending, payload in members.items()}
    fields: Any = {}
    try:
        if "json" in kinds:
            fields = orjson.loads(kinds["json"].removeprefix(b"\xef\xbb\xbf"))
        if "txt" in kinds:
            fields = {**fields, "caption": kinds["txt"].decode("utf-8-sig")}
    except (ValueError, TypeError) as error:
        return _with(sample, Reject(reason="malformed_record", detail=str(error)[:300]))
    ending = next((ending for ending in PICTURES if ending in kinds), "")
    name = f"{sample.record.rpartition('/')[2]}.{ending}"
    return _paired(sample, fields, kinds.get(ending), name, told, ", ".join(sorted(members)))


def _read_cell(row: Row, told: Told) -> Row:
    ending = next((name for name in PICTURES if row.data.get(name)), "")
    cell = row.data.get(ending)
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    fields = {name: value for name, value in row.data.items() if name not in PICTURES}
    name = f"{text(fields.get('key') or row.record)}.{ending}"
    return _paired(row, fields, data, name, told, "no picture")


def _paired(row: Row, fields: Any, data: bytes | None, name: str, told: Told, detail: str) -> Row:
    if not isinstance(fields, dict):
        return _with(row, Reject(reason="malformed_record", detail="the sidecar is no object"))
    if data is None:
        if fields.get("status", "success") != "success":
            error = f"{fields['status']}: {fields.get('error_message') or ''}"
            return _with(row, Skip(reason="download_failed", detail=error))
        return _with(row, Reject(reason="half_sample", detail=detail))
    if not fields:
        return _with(row, Reject(reason="half_sample", detail=detail))
    try:
        pair = told(row, fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return _with(row, Reject(reason="malformed_record", detail=repr(error)[:300]))
    return _with(row, replace(pair, picture=Picture(path=name, bytes=data)))


def _with(row: Row, pair: Pair | Reject | Skip) -> Row:
    return replace(row, data={"pair": pair}, weight=1)
