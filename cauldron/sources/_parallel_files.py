"""Documents as parallel lists in JSON files, each with its pictures in files beside it.

Two archives are of this form: `<key>.json` with one TIFF whose frames are the pictures, in the
order of `image_metadata` (the list names a picture `page_3_image_12` by its page and number), and
`<key>.json` with picture files of the names that its list has.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cauldron.errors import StorageError
from cauldron.media.images import ImageError, encode_png, frames_of
from cauldron.media.limits import LIMITS
from cauldron.readers import json_file
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pages import FILTERS
from cauldron.sources._parallel import Columns, converter, expanded
from cauldron.sources._records import holds
from cauldron.sources.base import Form

_LISTS = ("texts", "images")
_BESIDE = Columns(about=(), page=())
_BULKY = "image_metadata"
_NAMED = re.compile(r"page_(\d+)_image_(\d+)(?:\.\w+)?")
MAX_FRAMES = 500
_TIFFS = (".tiff", ".tif")
_ENDINGS = ("", ".jpg", ".png", ".jpeg", ".webp", ".gif")


def parallel_files_form(source: str, wanted: str) -> Form:
    """Return the form of JSON files of parallel lists, in tars or folders, pictures beside them."""

    def files(raw: Raw, split: str) -> list[Found]:
        found = raw.find("*.json") if split == "train" else []
        first = iter([json_file(raw, file, split, source) for file in found[:1]])
        return found if found and holds(first, *_LISTS) else []

    return Form(
        name="files",
        files=files,
        splits=lambda raw: ["train"] if files(raw, "train") else [],
        rows=lambda raw, found, split: one_a_file(found, split, source),
        key=lambda row: f"{row.file.removesuffix('.json')}{row.record}",
        convert=converter(()),
        open=_opened,
        options=(FILTERS, OPT_OUT),
        wanted=wanted,
    )


def one_a_file(found: list[Found], split: str, source: str) -> Iterator[Row]:
    """One cheap row a file; its data is where it lies."""
    for file in found:
        yield Row(
            file=file.path,
            record="",
            data={"url": file.url, "root": file.root},
            folder=file.folder,
            split=split,
            source=source,
        )


def _opened(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read a document and its pictures."""
    url = row.data["url"]
    found = Found(path=row.file, url=url, root=row.data["root"])
    try:
        document = json_file(raw, found, row.split, row.source).data
    except StorageError as error:
        document = Reject(reason="json_unreadable", detail=error.message)
    if isinstance(document, Reject):
        yield replace(row, data=document)
        return
    if not isinstance(document, Mapping) or not set(_LISTS) <= document.keys():
        yield replace(row, data=Reject(reason="lists_missing", detail="no texts and images"))
        return
    pictures = _Pictures(raw, url.removesuffix(".json"), document)
    page = {name: value for name, value in document.items() if name not in (*_LISTS, _BULKY)}
    data = {name: document[name] for name in _LISTS} | page
    yield from expanded(replace(row, data=data), _BESIDE, pictures.find)


class _Pictures:
    """The pictures of one document: frames of the TIFF beside it, or files of their names."""

    def __init__(self, raw: Raw, stem: str, document: Mapping[str, Any]) -> None:
        self.raw, self.stem = raw, stem
        self.named = [name for name in document["images"] or () if name]
        self.frames = self._frames()
        self.numbers = _numbers(document.get(_BULKY))
        self.next = 0

    def find(self, name: Any) -> bytes | None:
        """Return the bytes of the next picture of the list; its places in the list are in order."""
        if not name:
            return None
        place, self.next = self.next, self.next + 1
        if not isinstance(name, str):
            return None
        match = _NAMED.fullmatch(name)
        if match and self.numbers:
            place = self.numbers.get((int(match[1]), int(match[2])), -1)
        elif len(self.frames) not in (0, len(self.named)):
            place = -1
        if self.frames:
            return self.frames[place] if 0 <= place < len(self.frames) else None
        return self._file(name)

    def _frames(self) -> Sequence[bytes]:
        """Return the frames of the TIFF beside the document as PNG, up to the first bad one."""
        data = self._read([self.stem + ending for ending in _TIFFS])
        frames: list[bytes] = []
        with contextlib.suppress(ImageError):
            for frame in frames_of(data, MAX_FRAMES) if data is not None else ():
                frames.append(encode_png(frame))
                if sum(map(len, frames)) > LIMITS.max_pdf_bytes:
                    break
        return frames

    def _file(self, name: str) -> bytes | None:
        folder = self.stem.rpartition("/")[0]
        bases = (folder, self.stem, f"{folder}/images")
        named = [f"{base}/{name}" for base in bases] + [f"{self.stem}.{name}"]
        return self._read([base + ending for base in named for ending in _ENDINGS])

    def _read(self, places: list[str]) -> bytes | None:
        try:
            return self.raw.picture(places, LIMITS.max_pdf_bytes)
        except StorageError:
            return None


def _numbers(told: Any) -> dict[tuple[int, int], int]:
    """Return the place of each picture by its page and number, as `image_metadata` has it."""
    if not isinstance(told, list):
        return {}
    known = [one if isinstance(one, Mapping) else {} for one in told]
    pairs = [(one.get("page"), one.get("xref")) for one in known]
    return {
        (page, xref): place
        for place, (page, xref) in enumerate(pairs)
        if isinstance(page, int) and isinstance(xref, int)
    }
