"""HTML: a folder of web pages with their pictures, one interleaved document a page.

Nothing is fetched. A picture is looked for at its address below the folder; a picture of another
site is also looked for where mirroring tools put it, under `host/path`, and in a store of pictures
(`cauldron fetch`). Pictures that are not there are counted and the text goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pages import (
    COMPAT,
    FILTERS,
    PAGE_WEIGHT,
    absent_pictures,
    opened_page,
    page_draft,
)
from cauldron.sources.base import Form, Source

_ENDINGS = (".html", ".htm", ".xhtml", ".xht", ".shtml")


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
            weight=PAGE_WEIGHT,
        )


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read a page and the pictures that lie beside it."""
    try:
        data = raw.read(row.data["url"], LIMITS.max_html_bytes)
    except StorageError as error:
        reason = "html_too_large" if "larger than" in error.message else "html_unreadable"
        yield replace(row, data=Reject(reason=reason, detail=error.message))
        return
    yield from opened_page(row, lambda address: _look_up(address, row, raw), data, path=row.file)


def _look_up(address: str, row: Row, raw: Raw) -> bytes | str:
    """Return the bytes of a picture below the folder, or why there are none."""
    if address.startswith(".."):
        return "image_outside_folder"
    names = _names(address, row.file)
    places = [f"{row.data['root'].rstrip('/')}/{name}" for name in names] + names
    data = raw.picture(places, LIMITS.max_image_bytes)
    remote = address.startswith(("http://", "https://"))
    if data is None and remote:
        data = store_of(raw).find(address)
    if data is None:
        return "image_remote" if remote else "image_missing"
    return data


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


def _convert(row: Row) -> Draft | Reject | Skip:
    return page_draft(row, {})


SOURCE = Source(
    name="html",
    forms=(
        Form(
            name="interleaved",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: f"{row.data['key']}{row.record}",
            convert=_convert,
            open=_open,
            absent=absent_pictures,
            options=(COMPAT, FILTERS, OPT_OUT),
            wanted="a folder of .html pages with their pictures at the addresses of the pages",
        ),
    ),
)
