"""SBU Captions: a million pictures of Flickr with the captions of their owners.

Ordonez et al. 2011, Im2Text: Describing Images Using 1 Million Captioned Photographs, NeurIPS. Two
lists of equal length, in one JSON file or in two text files; neither is ever held as a whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.text import text_bytes
from cauldron.sample import Reject
from cauldron.sources._downloads import download_forms
from cauldron.sources._pairs import Pair, list_form
from cauldron.sources.base import Source

_URLS = "SBU_captioned_photo_dataset_urls.txt"
_CAPTIONS = "SBU_captioned_photo_dataset_captions.txt"


def _files(raw: Raw, split: str) -> list[Found]:
    if split != "train":
        return []
    return raw.find("sbu-captions-all.json", "sbu*captions*.json")[:1] or raw.find(_URLS)[:1]


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    if file.path.endswith(".json"):
        addresses: Iterable[Row] = json_list(raw, file, split, "sbu_captions", at="image_urls")
        captions: Iterable[Any] = (
            row.data for row in json_list(raw, file, split, "sbu_captions", at="captions")
        )
    else:
        addresses = _lines(file, split)
        beside = [found for found in raw.find(_CAPTIONS) if found.folder == file.folder]
        captions = (row.data for row in _lines(beside[0], split)) if beside else ()
    for address, caption in itertools.zip_longest(addresses, captions):
        if address is None:
            return
        if caption is None:
            reject = Reject(reason="lists_differ", detail="more addresses than captions")
            yield replace(address, data=reject)
        elif isinstance(address.data, Reject) or isinstance(caption, Reject):
            yield replace(address, data=caption if isinstance(caption, Reject) else address.data)
        else:
            yield replace(address, data={"url": address.data, "caption": caption})


def _lines(file: Found, split: str) -> Iterator[Row]:
    """Rows of a text file, blank lines included, so that two files stay in step."""
    last = -1
    for number, line in text_bytes(file):
        for place in range(last + 1, number + 1):
            data: Any = "" if place < number else Reject(reason="line_too_long")
            if place == number and line is not None:
                data = line.decode("utf-8", "replace")
            yield Row(
                file=file.path,
                record=str(place),
                data=data,
                folder=file.folder,
                split=split,
                source="sbu_captions",
            )
        last = number


SOURCE = Source(
    name="sbu_captions",
    forms=(
        list_form(
            "sbu_captions",
            "official",
            _files,
            _rows,
            lambda row: Pair(caption=text(row.data["caption"]), url=text(row.data["url"])),
            "sbu-captions-all.json, or the two text files of SBUCaptionedPhotoDataset.tar.gz, and "
            "a store of its pictures (img2dataset)",
            splits={"train": ("train",)},
        ),
        *download_forms("sbu_captions"),
    ),
)
