"""HTML: a folder of web pages with their pictures, one interleaved document a page.

Nothing is fetched. A picture is looked for at its address below the folder; a picture of another
site is also looked for where mirroring tools put it, under `host/path`. Pictures that are not there
are counted and the text goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from cauldron.errors import StorageError
from cauldron.media.html import Page, PageError, read_page
from cauldron.media.html_pictures import MAX_ABOUT, PagePicture
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources.base import Form, Source

_PAGE_WEIGHT = 4  # pages have pictures, so a shard holds a quarter of the usual number
_ENDINGS = (".html", ".htm", ".xhtml", ".shtml")
_NAMED_OF_INLINE = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp"}


def _files(raw: Raw, split: str) -> list[Found]:
    return [found for found in raw.listing() if found.path.lower().endswith(_ENDINGS)]


def _splits(raw: Raw) -> list[str]:
    return ["train"] if _files(raw, "train") else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    seen: Counter[str] = Counter()
    for file in found:
        seen[file.path] += 1
        key = file.path if seen[file.path] == 1 else f"{file.path}~{seen[file.path]}"
        yield Row(
            file=file.path,
            record="",
            data={"url": file.url, "root": file.root, "key": key},
            folder=file.folder,
            split=split,
            source="html",
            weight=_PAGE_WEIGHT,
        )


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read a page and the pictures that lie beside it."""
    try:
        data = raw.read(row.data["url"], LIMITS.max_html_bytes)
        page = read_page(data, path=row.file)
    except PageError as error:
        yield replace(row, data=Reject(reason=error.reason, detail=error.detail))
        return
    except StorageError as error:
        reason = "html_too_large" if "larger than" in error.message else "html_unreadable"
        yield replace(row, data=Reject(reason=reason, detail=error.message))
        return
    notes = Counter(page.notes)
    opened = [
        _picture(part, row, raw, notes) if isinstance(part, PagePicture) else None
        for part in page.parts
    ]
    yield replace(row, data={**row.data, "page": page, "pictures": opened, "notes": dict(notes)})


def _picture(found: PagePicture, row: Row, raw: Raw, notes: Counter[str]) -> Picture | None:
    """Return a picture with its bytes; None, counted, where there is none."""
    if found.inline is not None:
        return _checked(Picture(bytes=found.inline, path="inline"), notes)
    reason = "image_missing"
    for address in found.addresses:
        if address.startswith(".."):
            reason = "image_outside_folder"
            continue
        remote = address.startswith(("http://", "https://"))
        reason = "image_remote" if remote and reason == "image_missing" else reason
        names = _names(address, row.file)
        places = [f"{row.data['root'].rstrip('/')}/{name}" for name in names] + names
        try:
            data = raw.picture(places, LIMITS.max_image_bytes)
        except StorageError as error:
            reason = "image_too_large" if "larger than" in error.message else "image_unreadable"
            continue
        if data is not None:
            name = urlsplit(address).path.rpartition("/")[2]
            return _checked(Picture(bytes=data, path=unquote(name)), notes)
    notes[reason] += 1
    return None


def _names(address: str, page: str) -> list[str]:
    """Return the paths below a root where the file of an address may lie."""
    split = urlsplit(address)
    path = split.path.lstrip("/")
    folders = [""]
    if split.netloc:
        folders = [f"{split.hostname or split.netloc}/"]
    elif address.startswith("/") and "/" in page:
        folders.append(page.partition("/")[0] + "/")
    names = []
    for folder in folders:
        for name in (unquote(path), path, f"{path}?{split.query}"):
            if "\0" not in name and ".." not in name.split("/"):
                names.append(folder + name)
    return list(dict.fromkeys(names))


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


def _convert(row: Row) -> Draft | Reject | Skip:
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
    }
    extra: dict[str, Any] = {name: value for name, value in facts.items() if value}
    if about:
        extra["images"] = about
    return Draft(images=tuple(images), parts=tuple(parts), extra=extra, notes=row.data["notes"])


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


SOURCE = Source(
    name="html",
    forms=(
        Form(
            name="interleaved",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: str(row.data["key"]),
            convert=_convert,
            open=_open,
            wanted="a folder of .html pages with their pictures at the addresses of the pages",
        ),
    ),
)
