"""OBELICS: web documents as published, parallel lists of texts and picture addresses.

Laurençon et al. 2023, OBELICS: An Open Web-Scale Filtered Dataset of Interleaved Image-Text
Documents, arXiv:2306.16527. The published files hold addresses, not pictures; these come from the
column itself where somebody stored them there, or from a local store. Nothing is fetched. A page
that holds several articles has marks between them: each article becomes a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.phrasing import text
from cauldron.readers import open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources.base import Form, Source
from cauldron.storage.shards import open_parquet as open_shard

END_MARK = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
_ABOUT = (
    "src document_url unformatted_src alt_text rendered_width rendered_height original_width "
    "original_height format formatted_filename"
).split()


def _files(raw: Raw, split: str) -> list[Found]:
    return [f for f in raw.find("*.parquet") if _is_parallel(f)] if split == "train" else []


def _is_parallel(found: Found) -> bool:
    """Say whether texts stand in a list of strings beside a list of pictures."""
    try:
        with open_shard(found.url) as file:
            schema = file.schema_arrow
    except StorageError:
        return False
    if not {"images", "texts"} <= set(schema.names):
        return False
    kind = schema.field("texts").type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))


def _splits(raw: Raw) -> list[str]:
    return ["train"] if _files(raw, "train") else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from parquet_groups(raw, file, split, "obelics")


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Expand a run of documents; pictures that are only addresses are looked up in the store."""
    for opened in open_parquet(row, raw):
        if isinstance(opened, Reject):
            yield opened
            continue
        fault = _fault(opened.data)
        if fault:
            yield replace(opened, data=Reject(reason=fault[0], detail=fault[1]))
            continue
        articles = list(_articles(opened.data))
        for number, positions in enumerate(articles, start=1):
            record = opened.record if len(articles) == 1 else f"{opened.record}.{number}"
            found = [_looked_up(picture, raw) for _, picture, _ in positions]
            data = {**opened.data, "positions": positions, "found": found}
            yield replace(opened, record=record, data=data)


def _fault(data: dict[str, Any]) -> tuple[str, str] | None:
    images, texts = data.get("images"), data.get("texts")
    if not isinstance(images, list) or not isinstance(texts, list):
        return "lists_missing", "images and texts must be lists"
    if len(images) != len(texts):
        return "lists_differ", f"{len(images)} images, {len(texts)} texts"
    try:
        about = _decoded(data.get("metadata"))
    except orjson.JSONDecodeError as error:
        return "json_invalid", f"metadata: {error}"
    if about is not None and (not isinstance(about, list) or len(about) != len(texts)):
        return "lists_differ", "metadata is not as long as texts"
    if any(one is not None and other for one, other in zip(images, texts, strict=True)):
        return "text_and_image_at_one_place", ""
    return None


def _decoded(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _articles(data: dict[str, Any]) -> Iterator[list[tuple[str | None, Any, Any]]]:
    """Yield the positions (text, picture, about) of each article of a document."""
    about = _decoded(data.get("metadata")) or [None] * len(data["texts"])
    article: list[tuple[str | None, Any, Any]] = []
    for words, picture, said in zip(data["texts"], data["images"], about, strict=True):
        for number, piece in enumerate((words or "").split(END_MARK)):
            if number:
                if article:
                    yield article
                article = []
            if piece.strip():
                article.append((piece.strip(), None, None))
        if picture is not None:
            article.append((None, picture, said))
    yield article


def _looked_up(picture: Any, raw: Raw) -> bytes | None:
    """Return the bytes of a picture from its column or from the store."""
    if isinstance(picture, dict):
        stored = picture.get("bytes")
        picture = stored or picture.get("path")
    if not isinstance(picture, str):
        return picture if isinstance(picture, bytes) else None
    try:
        return store_of(raw).find(picture)
    except StorageError:
        return None


def _convert(row: Row) -> Draft | Reject | Skip:
    parts: list[str | int] = []
    images: list[Picture] = []
    about: list[dict[str, Any]] = []
    missing = 0
    for (words, picture, said), found in zip(row.data["positions"], row.data["found"], strict=True):
        if words is not None:
            _add_text(parts, text(words))
        elif found is None:
            missing += 1
        else:
            parts.append(len(images))
            images.append(Picture(path=_name(picture), bytes=found))
            about.append({key: said[key] for key in _ABOUT if said and said.get(key) is not None})
    if not any(isinstance(part, str) for part in parts):
        return Skip(reason="no_text")
    if not images:
        return Skip(reason="no_image_resolved" if missing else "no_image")
    page = _decoded(row.data.get("general_metadata")) or {}
    notes = {"image_unresolved": missing} if missing else {}
    return Draft(
        images=tuple(images),
        parts=tuple(parts),
        extra={"page": page, "images": about},
        notes=notes,
    )


def _add_text(parts: list[str | int], words: str) -> None:
    """Add a text; where a picture between two texts is gone, a blank line stands for it."""
    if parts and isinstance(last := parts[-1], str):
        parts[-1] = f"{last}\n\n{words}"
    else:
        parts.append(words)


def _name(picture: Any) -> str:
    named = picture.get("path") if isinstance(picture, dict) else picture
    if not isinstance(named, str):
        return ""
    try:
        return unquote(urlsplit(named).path.rpartition("/")[2])
    except ValueError:
        return ""


SOURCE = Source(
    name="obelics",
    forms=(
        Form(
            name="published",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: f"{row.file.removesuffix('.parquet')}/{row.record}",
            convert=_convert,
            open=_open,
            wanted="Parquet of HuggingFaceM4/OBELICS, and a store of its pictures (img2dataset)",
        ),
    ),
)
