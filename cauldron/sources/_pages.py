"""Web pages as documents: pictures looked up, text and pictures joined, facts kept beside them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from cauldron.errors import StorageError
from cauldron.media.html import Page, PageError, read_page, read_page_as_obelics
from cauldron.media.html_pictures import MAX_ABOUT, PagePicture
from cauldron.media.images import ImageError, inspect
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._options import one_of
from cauldron.sources.base import Option

COMPAT = Option(
    name="compat",
    read=one_of("obelics"),
    help="obelics: read pages as the released OBELICS code does, losing lists, tables, figures",
)
FILTERS = Option(
    name="filters",
    read=one_of("obelics"),
    help="obelics: paragraphs and pictures leave by the node-level filters of OBELICS",
)
PAGE_WEIGHT = 4  # pages have pictures, so a shard holds a quarter of the usual number
_NAMED_OF_INLINE = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp"}

LookUp = Callable[[str], bytes | str]
"""Returns the bytes at an address, or the reason why they are not there."""


def opened_page(
    row: Row, look_up: LookUp, data: bytes, *, url: str = "", path: str = "", charset: str = ""
) -> Iterator[Row]:
    """Read a page and its pictures into the row; what is no page becomes a reject."""
    try:
        if row.options.get("compat") == "obelics":
            pages = read_page_as_obelics(data, url=url, charset=charset)
        else:
            pages = [read_page(data, url=url, path=path, charset=charset)]
    except PageError as error:
        yield replace(row, data=Reject(reason=error.reason, detail=error.detail))
        return
    for number, page in enumerate(pages, start=1):
        notes = Counter(page.notes)
        opened = [
            _picture(part, look_up, notes) if isinstance(part, PagePicture) else None
            for part in page.parts
        ]
        data_of = {**row.data, "page": page, "pictures": opened, "notes": dict(notes)}
        article = f"{row.record}.{number}" if len(pages) > 1 else row.record
        yield replace(row, record=article, data=data_of)


def _picture(found: PagePicture, look_up: LookUp, notes: Counter[str]) -> Picture | None:
    """Return a picture with its bytes; None, counted, where there is none."""
    if found.inline is not None:
        return _checked(Picture(bytes=found.inline, path="inline"), notes)
    reasons = []
    for address in found.addresses:
        try:
            got = look_up(address)
        except StorageError as error:
            got = "image_too_large" if "larger than" in error.message else "image_unreadable"
        if isinstance(got, bytes):
            name = urlsplit(address).path.rpartition("/")[2]
            return _checked(Picture(bytes=got, path=unquote(name)), notes)
        reasons.append(got)
    told = [reason for reason in reasons if reason != "image_missing"]
    notes[told[-1] if told else "image_missing"] += 1
    return None


def _checked(picture: Picture, notes: Counter[str]) -> Picture | None:
    try:
        facts = inspect(picture.bytes or b"")
    except ImageError as error:
        notes[error.reason] += 1
        return None
    if facts.width <= 1 and facts.height <= 1:
        notes["image_pixel"] += 1
        return None
    if picture.path == "inline":
        return replace(picture, path=f"inline.{_NAMED_OF_INLINE.get(facts.format, 'img')}")
    return picture


def absent_pictures(row: Row) -> Iterator[str]:
    """Yield the web addresses of pictures of an opened page that are not here, the best of each."""
    page: Page | None = row.data.get("page")
    if page is None:
        return
    for part, picture in zip(page.parts, row.data["pictures"], strict=True):
        if isinstance(part, PagePicture) and picture is None:
            named = (a for a in part.addresses if a.startswith(("http://", "https://")))
            yield from itertools.islice(named, 1)


def page_draft(row: Row, more: Mapping[str, Any]) -> Draft | Reject | Skip:
    """Return an opened page as a document; `more` is kept beside what the page says of itself."""
    page: Page = row.data["page"]
    if not any(isinstance(part, str) for part in page.parts):
        return Skip(reason="no_text")
    if not any(isinstance(part, PagePicture) for part in page.parts):
        return Skip(reason="no_image")
    parts: list[str | int] = []
    images: list[Picture] = []
    about: list[dict[str, Any]] = []
    for part, picture in zip(page.parts, row.data["pictures"], strict=True):
        if isinstance(part, PagePicture):
            if picture is not None:
                parts.append(len(images))
                images.append(picture)
                about.append(_about(part))
        elif parts and isinstance(last := parts[-1], str):
            parts[-1] = f"{last}\n\n{part}"
        else:
            parts.append(part)
    facts = {
        "title": page.title,
        "url": page.url,
        "language": page.language,
        "encoding": page.encoding,
        "encoding_by": page.encoding_by,
        **more,
    }
    facts["domain"] = domain_of(str(facts["url"]))
    extra: dict[str, Any] = {
        name: value for name, value in facts.items() if value not in ("", None)
    }
    if about:
        extra["images"] = about
    return Draft(images=tuple(images), parts=tuple(parts), extra=extra, notes=row.data["notes"])


def domain_of(url: str) -> str:
    """Return the host and port of an address as written, "" for none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _about(picture: PagePicture) -> dict[str, Any]:
    said = {
        "address": picture.addresses[0][:MAX_ABOUT] if picture.addresses else "",
        "alt": picture.alt,
        "caption": picture.caption,
        "title": picture.title,
        "width": picture.width,
        "height": picture.height,
        "link": picture.link,
    }
    return {name: value for name, value in said.items() if value}
