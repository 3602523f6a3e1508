"""Interleaved documents as parallel lists: a text or a picture (its address) at each position.

OBELICS, OmniCorpus, MINT-1T and CoMM are published in this form, under names of columns of their
own. The files hold addresses, not pictures; these come from the column itself where somebody
stored them there, or from a local store. Nothing is fetched. A page that holds several articles
has marks between them: each article becomes a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.phrasing import text
from cauldron.readers import open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pages import FILTERS, domain_of
from cauldron.sources._records import begins_with, is_list, records
from cauldron.sources.base import Form, Source
from cauldron.storage.shards import open_parquet as open_shard

END_MARK = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
_LINES = ("*.jsonl", "*.ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How a set names its columns; the first of several names that is there counts.

    Args:
        about: facts of each position, a list (or JSON of one) as long as the others.
        page: facts of the page, an object or JSON of one; or columns of their own.
    """

    texts: tuple[str, ...] = ("texts",)
    images: tuple[str, ...] = ("images",)
    about: tuple[str, ...] = ("metadata",)
    page: tuple[str, ...] = ("general_metadata",)
    keys: tuple[str, ...] = ()


LookUp = Callable[[Any], bytes | None]
"""Returns the bytes of a picture as a list names it, None where it is not there."""


def parallel_source(
    name: str, wanted: str, columns: Columns, lines: bool = False, further: tuple[Form, ...] = ()
) -> Source:
    """Return a source that is published as parallel lists.

    Args:
        columns: how it names them; `keys` are facts of a picture to keep, all where none is named.
        lines: whether it is published as JSON lines, too; else they must begin like a record.
        further: forms of other shapes in which it comes, too.
    """

    def files(raw: Raw, split: str) -> list[Found]:
        if split != "train":
            return []
        found = [f for f in raw.find("*.parquet") if _is_parallel(f, columns)]
        found = found or (raw.find(*_LINES) if lines else [])
        if found:
            return found
        needed = (columns.texts[0], columns.images[0])
        listed = [file for file in raw.find("*.json") if is_list(raw, file)]
        return [f for f in (*raw.find(*_LINES), *listed) if begins_with(raw, f, name, needed)]

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            if file.path.lower().endswith(".parquet"):
                yield from parquet_groups(raw, file, split, name)
            else:
                yield from records(raw, file, split, name)

    def opened(row: Row, raw: Raw) -> Iterable[Row | Reject]:
        is_lines = not row.file.lower().endswith(".parquet")
        for one in (row,) if is_lines else open_parquet(row, raw):
            if isinstance(one, Row):
                yield from expanded(one, columns, partial(_looked_up, row=one, raw=raw))
            else:
                yield one

    return Source(
        name=name,
        forms=(
            Form(
                name="published",
                files=files,
                splits=lambda raw: ["train"] if files(raw, "train") else [],
                rows=rows,
                key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}",
                convert=converter(columns.keys),
                open=opened,
                absent=_absent,
                options=(FILTERS, OPT_OUT),
                wanted=wanted,
            ),
            *further,
        ),
    )


def _is_parallel(found: Found, columns: Columns) -> bool:
    """Say whether texts stand in a list of strings beside a list of pictures."""
    try:
        with open_shard(found.url) as file:
            schema = file.schema_arrow
    except StorageError:
        return False
    texts = next((name for name in columns.texts if name in schema.names), None)
    if texts is None or not set(columns.images) & set(schema.names):
        return False
    kind = schema.field(texts).type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))


def _named(data: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((data[name] for name in names if data.get(name) is not None), None)


def expanded(row: Row, columns: Columns, look_up: LookUp) -> Iterator[Row]:
    """Yield the articles of a document, its pictures looked up."""
    if isinstance(row.data, Reject):
        yield row
        return
    texts, images = _named(row.data, columns.texts), _named(row.data, columns.images)
    said = _named(row.data, columns.about)
    fault = _fault(texts, images, said)
    if fault:
        yield replace(row, data=Reject(reason=fault[0], detail=fault[1]))
        return
    page = _decoded(_named(row.data, columns.page)) if columns.page else None
    if not isinstance(page, dict):
        used = {*columns.texts, *columns.images, *columns.about, *columns.page}
        page = {name: value for name, value in row.data.items() if name not in used}
    articles = list(_articles(texts, images, _decoded(said) or [None] * len(texts)))
    for number, positions in enumerate(articles, start=1):
        record = row.record if len(articles) == 1 else f"{row.record}.{number}"
        found = [look_up(picture) for _, picture, _ in positions]
        data = {"page": page, "positions": positions, "found": found}
        yield replace(row, record=record, data=data, weight=1)


def _fault(texts: Any, images: Any, said: Any) -> tuple[str, str] | None:
    if not isinstance(images, list) or not isinstance(texts, list):
        return "lists_missing", "images and texts must be lists"
    if len(images) != len(texts):
        return "lists_differ", f"{len(images)} images, {len(texts)} texts"
    try:
        about = _decoded(said)
    except orjson.JSONDecodeError as error:
        return "json_invalid", f"metadata: {error}"
    if about is not None and (not isinstance(about, list) or len(about) != len(texts)):
        return "lists_differ", "metadata is not as long as texts"
    if any(one and other for one, other in zip(images, texts, strict=True)):
        return "text_and_image_at_one_place", ""
    return None


def _decoded(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _articles(
    texts: list[Any], images: list[Any], about: list[Any]
) -> Iterator[list[tuple[str | None, Any, Any]]]:
    """Yield the positions (text, picture, about) of each article of a document."""
    article: list[tuple[str | None, Any, Any]] = []
    for words, picture, said in zip(texts, images, about, strict=True):
        for number, piece in enumerate((words or "").split(END_MARK)):
            if number:
                if article:
                    yield article
                article = []
            if piece.strip():
                article.append((piece.strip(), None, None))
        if picture:
            article.append((None, picture, said))
    yield article


def _looked_up(picture: Any, *, row: Row, raw: Raw) -> bytes | None:
    """Return the bytes of a picture from its column, from a file it names, or from the store."""
    if isinstance(picture, dict):
        stored = picture.get("bytes")
        picture = stored or picture.get("path") or picture.get("url")
    if not isinstance(picture, str):
        return picture if isinstance(picture, bytes) else None
    try:
        if "://" not in picture:
            found = raw.picture([row.near(picture), picture], LIMITS.max_image_bytes)
            if found is not None:
                return found
        return store_of(raw).find(picture)
    except StorageError:
        return None


def _absent(row: Row) -> Iterator[str]:
    for (_, picture, _), found in zip(row.data["positions"], row.data["found"], strict=True):
        if picture is None or found is not None:
            continue
        named = picture.get("url") or picture.get("path") if isinstance(picture, dict) else picture
        if isinstance(named, str) and named.startswith(("http://", "https://")):
            yield named


def converter(keys: tuple[str, ...]) -> Callable[[Row], Draft | Reject | Skip]:
    """Return what makes a document of an opened row; `keys` are facts of a picture to keep."""

    def convert(row: Row) -> Draft | Reject | Skip:
        parts: list[str | int] = []
        images: list[Picture] = []
        about: list[dict[str, Any]] = []
        missing = 0
        for (words, picture, said), found in zip(
            row.data["positions"], row.data["found"], strict=True
        ):
            if words is not None:
                _add_text(parts, text(words))
            elif found is None:
                missing += 1
            else:
                parts.append(len(images))
                images.append(Picture(path=_name(picture), bytes=found))
                about.append(_kept(said, keys))
        if not any(isinstance(part, str) for part in parts):
            return Skip(reason="no_text")
        if not images:
            return Skip(reason="no_image_resolved" if missing else "no_image")
        extra: dict[str, Any] = {"page": row.data["page"], "images": about}
        url = row.data["page"].get("url")
        if isinstance(url, str) and url:
            extra |= {"url": url, "domain": domain_of(url)}
        notes = {"image_unresolved": missing} if missing else {}
        return Draft(images=tuple(images), parts=tuple(parts), extra=extra, notes=notes)

    return convert


def _kept(said: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the facts of a picture that are known."""
    if not isinstance(said, dict):
        return {}
    return {key: said[key] for key in keys or said if said.get(key) is not None}


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
