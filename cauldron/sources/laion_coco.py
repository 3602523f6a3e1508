"""LAION-COCO: pictures of the web with captions that a model wrote.

LAION 2022: captions by BLIP, the best of each picture chosen by CLIP. Read are the published lists
of addresses, their pictures in a store, and downloads of img2dataset. Nothing is ever fetched. The
filters of Idefics2 are a tag of the set itself (option `nsfw`) and bounds on the sides of pictures
(rules `idefics2-pretrain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers import csv_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sources._downloads import download_forms
from cauldron.sources._layouts import split_names
from cauldron.sources._options import one_of
from cauldron.sources._pairs import NSFW, Pair, kept, list_form, split_of, table_form
from cauldron.sources._records import readable, records
from cauldron.sources.base import Option, Source

_ALT = ("alt_text", "alt", "TEXT", "text", "original_caption")
_CAPTION = Option(
    name="caption",
    read=one_of("synthetic", "alt", "random"),
    help="synthetic: the best one of the model; alt: the page's own; random: any of the model's",
)
_OWN = ("caption", "top_caption", "URL", "url", "key", "status", "error_message")


def _told(row: Row, fields: Mapping[str, Any]) -> Pair:
    return Pair(
        caption=_chosen(row, fields),
        url=text(fields.get("URL") or fields.get("url") or ""),
        extra=kept(fields, *_OWN),
    )


def _chosen(row: Row, fields: Mapping[str, Any]) -> str:
    best = text(fields.get("top_caption") or fields.get("caption") or "")
    choice = row.options.get("caption", "synthetic")
    if choice == "alt":
        stored = text(fields.get("caption") or "")
        own = next((text(fields[name]) for name in _ALT if fields.get(name)), "")
        return own or (stored if stored != best else "")
    every = [text(said) for said in _every(fields.get("all_captions")) if said]
    return row.pick(every, "caption") if choice == "random" and every else best


def _every(captions: Any) -> list[Any]:
    if isinstance(captions, str):
        try:
            captions = orjson.loads(captions)
        except orjson.JSONDecodeError:
            return [captions]
    return captions if isinstance(captions, list) else []


def _fits(columns: set[str]) -> bool:
    return "top_caption" in columns and bool(columns & {"URL", "url"}) and "status" not in columns


def _lists(raw: Raw, split: str) -> list[Found]:
    """Return lists in JSON or as text tables whose first record fits."""
    for pattern in ("*.jsonl", "*.ndjson", "*.json", "*.tsv", "*.csv"):
        found = [file for file in raw.find(pattern) if split_of(file) == split_names(split)[0]]
        if fitting := [file for file in found if _begins_fitting(raw, file, split)]:
            return fitting
    return []


def _begins_fitting(raw: Raw, file: Found, split: str) -> bool:
    first = next(readable(_rows(raw, file, split), file, split, "laion_coco"), None)
    return first is not None and isinstance(first.data, dict) and _fits({*first.data})


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    if file.path.endswith((".tsv", ".csv")):
        delimiter = "," if file.path.endswith(".csv") else "\t"
        return csv_rows(raw, file, split, "laion_coco", delimiter=delimiter)
    return records(raw, file, split, "laion_coco")


SOURCE = Source(
    name="laion_coco",
    forms=(
        table_form(
            "laion_coco",
            _fits,
            lambda row: _told(row, row.data),
            "the Parquet lists of laion/laion-coco, and a store of their pictures (img2dataset)",
            name="official",
            options=(NSFW, _CAPTION),
        ),
        list_form(
            "laion_coco",
            "lines",
            _lists,
            _rows,
            lambda row: _told(row, row.data),
            "the same lists as JSON lines, JSON, TSV or CSV (URL, top_caption, ...)",
            key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}",
            options=(NSFW, _CAPTION),
        ),
        *download_forms("laion_coco", _told, (_CAPTION,)),
    ),
)
