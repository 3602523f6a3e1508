"""Chart-to-Text: charts of Statista and Pew Research with the text that goes with them.

Kantharaj et al. 2022, Chart-to-Text: A Large-Scale Benchmark for Chart Summarization,
arXiv:2203.06486. Two sets with two folders each, every one with its own numbering. Captions come
from `metadata.csv`, else from `captions/<id>.txt`; of Statista's articles only the first paragraph
is about the chart, and the blanks of its tokeniser are taken out. Damaged characters are mended
where they can be. The names of a split's charts are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered, text
from cauldron.readers import csv_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import DAMAGED, detokenised, mended, requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "What does this chart say?",
    "Summarize the graph.",
    "Describe what can be read from this chart.",
    "Explain the main point of this graph.",
    "Write a short text on this chart.",
    "What is the message of this graph?",
    "Please put the content of this chart into words.",
    "What insight does the chart give?",
    "Tell me what this graph shows.",
)
_SETS = ("statista", "pew")
_FOLDERS = {"two_col": "", "multi_col": "multiColumn"}
_KEPT = ("title", "chartType", "topic", "URL")
_MAX_CAPTION_BYTES = 1 << 20


def _set_of(path: str) -> str:
    return next((name for name in _SETS if f"{name}_dataset" in path), "")


def _files(raw: Raw, split: str) -> list[Found]:
    found = [
        file
        for name in split_names(split)
        for folder in ("dataset_split", "dataset_splits")
        for file in raw.find(f"{folder}/{name}_index_mapping.csv")
    ]
    known = [f for f in found if _set_of(f.url) and "/multiColumn/" not in f.url]
    return sorted(known, key=lambda file: _SETS.index(_set_of(file.url)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        names: dict[str, None] = {}
        for row in csv_rows(raw, file, split, "chart2text"):
            name = row.data.get("File_No", "") if isinstance(row.data, dict) else ""
            if not name.strip():
                yield replace(row, data=Reject(reason="name_missing", detail=str(row.data)[:200]))
            names[name.strip().removesuffix(".txt")] = None
        names.pop("", None)
        for column, folder in _FOLDERS.items():
            yield from _described(raw, file, split, column, folder, names)


def _described(
    raw: Raw, mapping: Found, split: str, column: str, folder: str, names: dict[str, None]
) -> Iterator[Row]:
    """Rows of one folder: charts of the split as its table lists them, then unlisted ones."""
    top = mapping.url.rpartition("/")[0].rpartition("/")[0]
    top = f"{top}/{folder}" if folder else top
    where = {"set": _set_of(mapping.url), "folder": folder}
    for table in raw.find("metadata.csv"):
        if table.folder != top:
            continue
        for row in csv_rows(raw, table, split, "chart2text"):
            if not isinstance(row.data, dict):
                yield row
                continue
            number = row.data.get("id", "").strip()
            if f"{column}-{number}" in names:
                del names[f"{column}-{number}"]
                yield replace(row, folder=top, data={**where, "id": number, **_slim(row.data)})
    for name in [name for name in names if name.startswith(f"{column}-")]:
        number = name.removeprefix(f"{column}-")
        yield Row(
            file=mapping.path,
            record=name,
            data={**where, "id": number},
            folder=top,
            split=split,
            source="chart2text",
        )


def _slim(data: dict[str, str]) -> dict[str, str]:
    kept = {key: data[key] for key in _KEPT if data.get(key)}
    caption = data.get("first_caption") or data.get("caption") or ""
    return {**kept, "caption": caption} if caption.strip() else kept


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the caption from its own file where the table has none."""
    if "caption" in row.data:
        return (row,)
    url = row.near("captions", f"{row.data['id']}.txt")
    if not raw.exists(url):
        return (replace(row, data=Reject(reason="caption_missing", detail=url)),)
    caption = raw.read(url, _MAX_CAPTION_BYTES).decode("utf-8-sig", "replace")
    return (replace(row, data={**row.data, "caption": caption}),)


def _draft(row: Row, kind: str, caption: str, picture: Picture) -> Draft | Skip:
    told = mended(caption.strip()).replace("\r\n", "\n")
    if kind == "statista":
        told = next((part for part in told.split("\n\n") if part.strip()), "")
        told = told if row.plain else detokenised(told)
    if DAMAGED in told:
        return Skip(reason="characters_damaged")
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=answered(row, told),
        extra={"question": REQUESTS[0]},
    )
    extra = {"set": kind, **{key: row.data[key] for key in _KEPT if row.data.get(key)}}
    notes = {"characters_mended": 1} if DAMAGED in caption else {}
    return Draft(images=(picture,), turns=(turn,), extra=extra, notes=notes)


def _convert(row: Row) -> Draft | Reject | Skip:
    name = f"{row.data['id']}.png"
    picture = Picture(path=name, candidates=(row.near("imgs", name),))
    return _draft(row, row.data["set"], text(row.data["caption"]), picture)


def _key(row: Row) -> str:
    parts = (row.data["set"], row.data["folder"], row.data["id"])
    return "/".join(part for part in parts if part)


def _kind(row: Row) -> str:
    return "statista" if "first_caption" in row.data else "pew"


def _copied(row: Row) -> Draft | Reject | Skip:
    first: Any = row.data.get("first_caption")
    caption = text(first or row.data["caption"])
    return _draft(row, _kind(row), caption, cell_picture(row, row.data["image"]))


_MIRROR = parquet_form(
    "chart2text",
    lambda columns: {"image", "caption"} <= columns,
    _copied,
    "Parquet of heegyu/chart2text_statista or heegyu/chart2text_pew",
)

SOURCE = Source(
    name="chart2text",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=_key,
            convert=_convert,
            open=_open,
            wanted="statista_dataset/ and pew_dataset/ of vis-nlp/Chart-to-text, each with "
            "dataset/dataset_split/train_index_mapping.csv, imgs/ and captions/",
        ),
        replace(_MIRROR, key=lambda row: f"{_kind(row)}/{_MIRROR.key(row)}"),
    ),
)
