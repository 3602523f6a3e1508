"""RedCaps: pictures that people posted on Reddit, with their titles.

Desai et al. 2021, RedCaps: web-curated image-text data created by the people, for the people,
arXiv:2111.11431. One JSON file a subreddit and year; captions are lower case as published.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.phrasing import text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Picture, Reject, Skip
from cauldron.sources._downloads import download_forms
from cauldron.sources._options import one_of
from cauldron.sources._pairs import Pair, kept, list_form
from cauldron.sources._records import holds
from cauldron.sources.base import Option, Source

_KEPT = ("image_id", "author", "subreddit", "score", "permalink", "created_utc")


def _files(raw: Raw, split: str) -> list[Found]:
    if split != "train":
        return []
    found = raw.find("annotations/*.json") or raw.find("*_20[0-9][0-9].json")
    first = found[:1]
    fits = first and holds(_rows(raw, first[0], split), "image_id", "caption", "subreddit")
    return found if fits else []


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    yield from json_list(raw, file, split, "redcaps", at="annotations")


def _read(row: Row) -> Pair | Reject | Skip:
    data = row.data
    name = f"{text(data['image_id'])}.jpg"
    places = (f"images/{text(data['subreddit'])}/{name}", f"{text(data['subreddit'])}/{name}")
    said = "raw_caption" if row.options.get("caption") == "raw" else "caption"
    return Pair(
        caption=text(data[said] or ""),
        url=text(data.get("url") or ""),
        picture=Picture(path=name, candidates=places),
        extra=kept({name: data.get(name) for name in _KEPT}),
    )


SOURCE = Source(
    name="redcaps",
    forms=(
        list_form(
            "redcaps",
            "official",
            _files,
            _rows,
            _read,
            "annotations/<subreddit>_<year>.json of redcaps.xyz, and its pictures (images/ of the "
            "redcaps downloader, or a store of img2dataset)",
            key=lambda row: text(row.data["image_id"]),
            splits={"train": ("train",)},
            options=(
                Option(name="caption", read=one_of("clean", "raw"), help="raw: as it was posted"),
            ),
        ),
        *download_forms("redcaps"),
    ),
)
