"""PDF: a folder of files or tars of them, as interleaved documents or as pages with their text.

`interleaved` gives one document a file, text and figures in reading order. `pages` gives one sample
a page: its picture, then its text line by line. A file that is there twice is read once.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.errors import SourceError, StorageError
from cauldron.media.limits import LIMITS
from cauldron.media.ocr import needs_ocr, recognised
from cauldron.media.pdf import PdfAsked, PdfError, PdfFacts, PdfPage, is_available, read_pages
from cauldron.media.pdf_document import interleaved, transcript
from cauldron.media.pdf_parts import Figure
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._options import one_of, page_ranges
from cauldron.sources._rendering import RENDERING, asked, page_name
from cauldron.sources.base import Form, Option, Source

_KEY_LETTERS = 16
_FILE_WEIGHT = 20
_BYTES_A_PAGE = 100_000
_ENDINGS = {"original": "jpg", "pixels": "png", "rendered": "png"}


def _files(raw: Raw, split: str) -> list[Found]:
    return [found for found in raw.listing() if found.path.lower().endswith(".pdf")]


def _splits(raw: Raw) -> list[str]:
    return ["train"] if _files(raw, "train") else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """List the files; only those of equal size are read here, to tell copies."""
    if not is_available():
        raise SourceError("PyMuPDF is missing", place="pdf", hint="pip install cauldron[pdf]")
    sizes = [_size(raw, file) for file in found]
    alike = Counter(sizes)
    seen: set[str] = set()
    for file, size in zip(found, sizes, strict=True):
        data = {"url": file.url, "key": f"{file.root}/{file.path}"}
        if alike[size] > 1 and 0 < size <= LIMITS.max_pdf_bytes:
            digest = _digest(raw.read(file.url))
            if digest in seen:
                data["skip"] = "duplicate_file"
            seen.add(digest)
        yield Row(
            file=file.path,
            record="",
            data=data,
            folder=file.folder,
            split=split,
            source="pdf",
            weight=_FILE_WEIGHT + size // _BYTES_A_PAGE,
        )


def _size(raw: Raw, file: Found) -> int:
    """Return the size of a file, 0 where it cannot be told: reading will say why."""
    try:
        return raw.size(file.url) or 0
    except StorageError:
        return 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_KEY_LETTERS]


def _opened(read: Callable[[Row, bytes], Iterable[Row | Reject]]) -> Any:
    """Return an `open` that reads the bytes of a file and turns its faults into rejects."""

    def opened(row: Row, raw: Raw) -> Iterable[Row | Reject]:
        if "skip" in row.data:
            yield row
            return
        try:
            data = raw.read(row.data["url"], LIMITS.max_pdf_bytes)
            yield from read(row, data)
        except PdfError as error:
            yield replace(row, data=Reject(reason=error.reason, detail=error.detail))
        except StorageError as error:
            reason = "too_large" if "larger than" in error.message else "unreadable"
            yield replace(row, data=Reject(reason=reason, detail=error.message))

    return opened


def _document(row: Row, data: bytes) -> Iterator[Row]:
    facts = PdfFacts()
    scans = row.options.get("scans") == "picture" or "ocr" in row.options
    wanted = _asked(row, scans=scans)
    pages = [_with_ocr(row, page) for page in read_pages(data, facts, wanted)]
    if not pages:
        raise PdfError("no_pages", "none of the pages that were asked for")
    parts, notes = interleaved(pages)
    kinds = Counter(page.kind for page in pages)
    if kinds["damaged"] == len(pages):
        raise PdfError("damaged", pages[0].detail)
    found = {
        "key": _digest(data),
        "facts": facts,
        "parts": parts,
        "notes": notes if wanted.pages else _notes(notes, facts),
        "kinds": dict(sorted(kinds.items())),
        "garbled": max(page.garbled for page in pages),
    }
    yield replace(row, data=found)


def _with_ocr(row: Row, page: PdfPage) -> PdfPage:
    """Return a page with the text of the OCR command where one is named and needed.

    Where it fails the page stays as it is, and is no picture of the document unless asked for.
    """
    if "ocr" not in row.options or not needs_ocr(page):
        return page
    read = recognised(page, row.options["ocr"])
    if read is not None and read.lines:
        return read
    keeps = row.options.get("scans") == "picture"
    detail = "ocr_failed" if read is None else "ocr_empty"
    return replace(page, detail=detail, picture=page.picture if keeps else None)


def _asked(row: Row, **kind: Any) -> PdfAsked:
    pages = tuple((first, last) for first, last in row.options.get("pages", ()))
    return asked(row, pages=pages, **kind)


def _notes(notes: dict[str, int], facts: PdfFacts) -> dict[str, int]:
    over = max(facts.pages - LIMITS.max_pdf_pages, 0)
    return {**notes, "page_over_limit": over} if over else notes


def _pages(row: Row, data: bytes) -> Iterator[Row]:
    facts = PdfFacts()
    digest = _digest(data)
    for page in read_pages(data, facts, _asked(row, pictures=True)):
        page = _with_ocr(row, page)
        found = {"key": f"{digest}/{page.number}", "facts": facts, "page": page}
        yield replace(row, record=str(page.number), data=found, weight=1)


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    facts: PdfFacts = row.data["facts"]
    parts: list[str | int] = []
    images: list[Picture] = []
    for part in row.data["parts"]:
        if isinstance(part, str):
            parts.append(part)
        else:
            name = f"figure-{len(images) + 1}.{_ENDINGS[part.kind]}"
            parts.append(len(images))
            images.append(Picture(path=name, bytes=part.data))
    if not any(isinstance(part, str) for part in parts):
        kinds = set(row.data["kinds"])
        return Skip(reason="blank" if kinds == {"blank"} else "page_without_text")
    extra = {**_facts(facts), "page_kinds": row.data["kinds"], "garbled": row.data["garbled"]}
    extra["library_warnings"] = facts.warnings
    extra["images"] = [_about(part) for part in row.data["parts"] if isinstance(part, Figure)]
    notes = row.data["notes"]
    return Draft(images=tuple(images), parts=tuple(parts), extra=extra, notes=notes)


def _convert_page(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    page = row.data["page"]
    if page.kind == "damaged":
        return Reject(reason="page_damaged", detail=page.detail)
    text = transcript(page) if page.has_text else ""
    if not text:
        reason = page.detail if page.detail.startswith("ocr_") else "page_without_text"
        return Skip(reason="page_blank" if page.kind == "blank" else reason)
    picture = Picture(path=page_name(page.number, row), bytes=page.picture)
    extra = {**_facts(row.data["facts"]), "page": page.number, "page_kind": page.kind}
    extra["garbled"] = page.garbled
    return Draft(images=(picture,), parts=(0, text), extra=extra)


def _about(figure: Figure) -> dict[str, Any]:
    box = [round(side, 1) for side in figure.box]
    return {"page": figure.page, "box": box, "kind": figure.kind}


def _facts(facts: PdfFacts) -> dict[str, Any]:
    found = {"pages": facts.pages, "title": facts.title, "reader": f"pymupdf {facts.reader}"}
    return {name: value for name, value in found.items() if value}


def _command(text: str) -> str:
    """Return a command whose program is there."""
    parts = shlex.split(text)
    if not parts or shutil.which(parts[0]) is None:
        raise ValueError("a command whose program is installed is expected")
    return text


_OPTIONS = (
    Option(name="pages", read=page_ranges, help="page numbers of every file, such as 1-20,25,30-"),
    Option(
        name="password",
        read=str,
        help="opens encrypted files; $NAME is read from the environment",
        secret=True,
    ),
    *RENDERING,
    Option(
        name="ocr",
        read=_command,
        help="a command that reads a page's picture on standard input and writes its text, for "
        "pages without text of their own, such as: tesseract - - -l eng",
    ),
)
_SCANS = Option(
    name="scans", read=one_of("leave", "picture"), help="picture: scanned pages stay, as pictures"
)


def _form(name: str, read: Any, convert: Any, *further: Option) -> Form:
    return Form(
        name=name,
        files=_files,
        splits=_splits,
        rows=_rows,
        key=lambda row: str(row.data["key"]),
        convert=convert,
        open=_opened(read),
        wanted="a folder of .pdf files",
        options=(*_OPTIONS, *further),
    )


SOURCE = Source(
    name="pdf",
    forms=(
        _form("interleaved", _document, _convert, _SCANS),
        _form("pages", _pages, _convert_page),
    ),
)
