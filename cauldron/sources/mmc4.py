"""MMC4: sentences of web pages, and pictures that were assigned to sentences.

Zhu et al. 2023, Multimodal C4: An Open, Billion-scale Corpus of Images Interleaved with Text,
arXiv:2304.06939. Where a picture stood in its page is not published: each one belongs to the
sentence that fits it best, and stands before it (`--option placement=after`: behind it). Pictures
come from the record where it holds them (`image_base64`), from a file of their published name, or
from a store by address. Nothing is fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import text
from cauldron.readers import json_file, json_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._options import one_of
from cauldron.sources._pages import FILTERS, domain_of
from cauldron.sources._places import stem
from cauldron.sources._records import holds
from cauldron.sources.base import Form, Option, Source

_FOLDERS = ("{}", "shard_{}", "shard_{}_images")
_NEEDED = ("text_list", "image_info")
_BULKY = "similarity_matrix"  # most of the bytes of a record, and of no use once it was assigned


def _files(raw: Raw, split: str) -> list[Found]:
    """Return JSON lines; where there are none, the JSON files in tars, each one document."""
    if split != "train":
        return []
    found = raw.find("*.jsonl") or raw.find("*.json")
    alone = found[:1] if found and found[0].path.endswith(".json") else []
    fits = all(holds(iter([json_file(raw, f, split, "mmc4")]), *_NEEDED) for f in alone)
    return found if fits else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        is_alone = file.path.endswith(".json")
        told = [json_file(raw, file, split, "mmc4")] if is_alone else None
        for row in told or json_lines(raw, file, split, "mmc4"):
            if isinstance(row.data, dict):
                row = replace(row, data={k: v for k, v in row.data.items() if k != _BULKY})
            yield row


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    found = [_looked_up(image, row, raw) for image in row.data["image_info"]]
    yield replace(row, data={**row.data, "found": found})


def _looked_up(image: dict[str, Any], row: Row, raw: Raw) -> bytes | None:
    """Return the bytes of a picture: from the record, a file of its name, or the store."""
    try:
        if image.get("image_base64"):
            return base64.b64decode(image["image_base64"], validate=True)
        name = image.get("image_name")
        if name:
            folders = ["", "images/", *_shard_folders(row.file)]
            places = [place for f in folders for place in (row.near(f"{f}{name}"), f"{f}{name}")]
            payload = raw.picture(places, LIMITS.max_image_bytes)
            if payload is not None:
                return payload
        return store_of(raw).find(image["raw_url"]) if image.get("raw_url") else None
    except (StorageError, binascii.Error):
        return None


def _shard_folders(file: str) -> list[str]:
    """Return the folders in which the pictures of a shard may lie, by its name or its number."""
    name = stem(file)
    number = re.search(r"shard_(\d+)", name)
    called = [name, *(form.format(number[1]) for form in _FOLDERS if number)]
    return [f"{above}{folder}/" for folder in called for above in ("", "images/")]


def _absent(row: Row) -> Iterator[str]:
    for info, found in zip(row.data["image_info"], row.data["found"], strict=True):
        if found is None and isinstance(info.get("raw_url"), str):
            yield info["raw_url"]


def _convert(row: Row) -> Draft | Reject | Skip:
    sentences, infos = row.data["text_list"], row.data["image_info"]
    if not all(isinstance(sentence, str) for sentence in sentences):
        return Reject(reason="text_missing", detail="text_list must hold texts")
    bad = [i for i in infos if not 0 <= int(i["matched_text_index"]) < len(sentences)]
    if bad:
        return Reject(reason="matched_text_index_invalid", detail=str(bad[0])[:200])
    if not any(sentence.strip() for sentence in sentences):
        return Skip(reason="no_text")
    least = row.options.get("min_similarity", 0.0)
    notes: dict[str, int] = {}
    kept: list[tuple[int, dict[str, Any], bytes]] = []
    for info, payload in zip(infos, row.data["found"], strict=True):
        reason = "image_unresolved" if payload is None else ""
        if float(info.get("matched_sim") or 0) < least:
            reason = "image_similarity_low"
        if reason or payload is None:
            notes[reason] = notes.get(reason, 0) + 1
        else:
            kept.append((int(info["matched_text_index"]), info, payload))
    if not kept:
        return Skip(reason="no_image_resolved" if infos else "no_image")
    kept.sort(key=lambda place: place[0])
    url = str(row.data.get("url") or "")
    about = [
        {key: info[key] for key in ("raw_url", "matched_sim") if info.get(key) is not None}
        | {"sentence": place}
        for place, info, _ in kept
    ]
    extra = {"url": url, "domain": domain_of(url), "images": about, "natural_order": False}
    if row.data.get("could_have_url_duplicate"):
        extra["could_have_url_duplicate"] = True
    names = [str(info.get("image_name") or "") for _, info, _ in kept]
    images = [Picture(path=n, bytes=data) for n, (_, _, data) in zip(names, kept, strict=True)]
    behind = row.options.get("placement") == "after"
    parts = _laid_out(sentences, [place + behind for place, _, _ in kept])
    return Draft(images=tuple(images), parts=parts, extra=extra, notes=notes)


def _laid_out(sentences: list[str], places: list[int]) -> tuple[str | int, ...]:
    """Join sentences with blanks; before sentence `places[k]` stands picture k."""
    parts: list[str | int] = []
    start = 0
    for number, place in enumerate([*places, len(sentences)]):
        said = " ".join(s.strip() for s in sentences[start:place] if s.strip())
        if said:
            parts.append(text(said))
        if number < len(places):
            parts.append(number)
        start = place
    return tuple(parts)


def _share(written: str) -> float:
    value = float(written)
    if not -1 <= value <= 1:
        raise ValueError("a number from -1 to 1 is expected")
    return value


SOURCE = Source(
    name="mmc4",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=lambda raw: ["train"] if _files(raw, "train") else [],
            rows=_rows,
            key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}".rstrip("/"),
            convert=_convert,
            open=_open,
            absent=_absent,
            wanted="docs_*.jsonl (or .jsonl.gz, .jsonl.zip) of mmc4, and its pictures: files of "
            "their image_name, or a store by address; or tars of .json with image_base64",
            options=(
                FILTERS,
                OPT_OUT,
                Option(
                    name="placement",
                    read=one_of("before", "after"),
                    help="where a picture stands: before (the default) or after its sentence",
                ),
                Option(
                    name="min_similarity",
                    read=_share,
                    help="leave out pictures that fit their sentence less (0.24 in OpenFlamingo)",
                ),
            ),
        ),
    ),
)
