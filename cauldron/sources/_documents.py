"""Documents with the text of their pages beside them: tars or folders of a PDF and a JSON file.

A page is a sample: its picture, rendered from the PDF, then the text that the set gives for it.
Pages are rendered one by one, so that a file of thousands of pages begins at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from cauldron.errors import SourceError
from cauldron.media.pdf import PdfAsked, PdfError, PdfFacts, PdfPage, is_available, read_pages
from cauldron.readers import open_tar_sample, tar_samples
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, content_hash
from cauldron.sources._layouts import SPLITS, split_names, splits_of
from cauldron.sources._options import number, one_of, share
from cauldron.sources._page_texts import Lines, texts_of
from cauldron.sources._rendering import RENDERING, asked, extent, page_name
from cauldron.sources.base import Form, Option

_DOCUMENT_WEIGHT = 4
_BYTES_A_PAGE = 60_000
_WHOLE = 1_000_000
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError)
OPTIONS = (
    *RENDERING,
    Option(name="join", read=one_of("newline", "space"), help="between lines, newline at first"),
    Option(
        name="pages-per-sample",
        read=lambda text: _WHOLE if text == "document" else number(1, _WHOLE)(text),
        help="pages of one sample, 1 at first; document for all",
    ),
    Option(name="min-line-score", read=share, help="lines of a lower score (0 to 1) are left out"),
)

PageTexts = Callable[[Mapping[str, bytes], Row], list[Lines]]


def json_texts(members: Mapping[str, bytes], row: Row) -> list[Lines]:
    """Return the lines of the pages as the JSON file of a document gives them."""
    told = orjson.loads(members["json"].removeprefix(b"\xef\xbb\xbf"))
    return texts_of(told, row.options.get("min-line-score", 0.0))


def document_form(
    source: str, wanted: str, *, texts: PageTexts = json_texts, options: tuple[Option, ...] = ()
) -> Form:
    """Return the form of a set in tars (or folders) of PDF and JSON files of equal name."""
    files = _files_of(source)

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        if not is_available():
            raise SourceError("PyMuPDF is missing", place=source, hint="pip install cauldron[pdf]")
        tars = [file for file in found if file.path.endswith(".tar")]
        others = [file for file in found if not file.path.endswith(".tar")]
        yield from _once(tar_samples(tars, split, source, _weight))
        yield from _beside(others, split, source)

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        if "skip" in row.data:
            yield row
            return
        for sample in open_tar_sample(row, raw):
            if isinstance(sample, Reject):
                yield sample
            else:
                yield from _pages(sample, texts, _document_key(row, sample))

    return Form(
        name="official",
        files=files,
        splits=splits_of(files),
        rows=rows,
        key=_key,
        convert=_convert,
        open=opened,
        wanted=wanted,
        options=(*OPTIONS, *options),
    )


def _files_of(source: str) -> Callable[[Raw, str], list[Found]]:
    def files(raw: Raw, split: str) -> list[Found]:
        tars = [file for file in raw.find("*.tar") if _split_of(file) == split_names(split)[0]]
        if tars or split not in SPLITS["train"]:
            return tars
        both = raw.find("*.pdf", "*.json", "*.tif", "*.tiff", "*.ocr")
        with_pdf = {file.url.rpartition(".")[0] for file in both if file.url.endswith(".pdf")}
        kept = [file for file in both if file.url.rpartition(".")[0] in with_pdf]
        return sorted(kept, key=lambda file: file.url)

    return files


def _split_of(file: Found) -> str:
    """Return the split that the name of a tar tells; one that tells none is train."""
    words = set(file.path.rpartition("/")[2].removesuffix(".tar").lower().split("-"))
    return next((split for split, names in SPLITS.items() if words & set(names)), "train")


def _weight(sizes: dict[str, int]) -> int:
    return _DOCUMENT_WEIGHT + sizes.get("pdf", 0) // _BYTES_A_PAGE


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Skip a document whose key was there before; holds one hash a document."""
    seen: set[int] = set()
    for row in rows:
        fact = content_hash("document", row.record)
        if row.record and fact in seen:
            row = replace(row, data={"skip": "duplicate_key"}, weight=1)
        seen.add(fact)
        yield row


def _key(row: Row) -> str:
    return str(row.data.get("id") or f"{row.file}/{row.record}")


def _beside(found: list[Found], split: str, source: str) -> Iterator[Row]:
    """One row for real files of equal name; sorted, they follow each other."""
    for base, files in itertools.groupby(found, lambda file: file.url.rpartition(".")[0]):
        held = list(files)
        yield Row(
            file=next(file.path for file in held if file.path.endswith(".pdf")),
            record="",
            data={file.url.rpartition(".")[2].lower(): file.url for file in held},
            folder=base.rpartition("/")[0],
            split=split,
            source=source,
            weight=4 * _DOCUMENT_WEIGHT,
        )


def _document_key(row: Row, sample: Row) -> str:
    """Return what names a document; one of a damaged tar may stand in another tar, too."""
    if "shard" in row.data:
        return f"{sample.file.removesuffix('.tar')}/{sample.record}"
    return sample.record or sample.file.removesuffix(".pdf")


def _pages(sample: Row, texts: PageTexts, key: str) -> Iterator[Row]:
    """Expand a document to its pages, or groups of pages."""
    try:
        lines = texts(sample.data, sample)
    except _MALFORMED as error:
        missing = isinstance(error, KeyError) and str(error.args[0]) in ("json", "ocr")
        reason = "half_sample" if missing else "malformed_record"
        yield _rejected(sample, reason, f"{type(error).__name__}: {error}"[:300])
        return
    joiner = " " if sample.options.get("join", _joins(sample)) == "space" else "\n"
    spelt = {page: joiner.join(said) for page, said in enumerate(lines, start=1) if said}
    facts = PdfFacts()
    rendered = _rendered(sample, facts, sorted(spelt))
    size = min(sample.options.get("pages-per-sample", 1), max(len(lines), 1))
    for first in range(1, len(lines) + 1, size):
        group = range(first, min(first + size, len(lines) + 1))
        found: list[tuple[PdfPage, str]] = []
        for page in group:
            if page in spelt:
                try:
                    found.append((next(rendered), spelt[page]))
                except StopIteration:
                    break
                except PdfError as error:
                    yield _rejected(sample, error.reason, error.detail, page)
                    return
        pages = _group(group, found, spelt, facts, len(lines))
        if isinstance(pages, dict):
            pages |= {"key": key, "id": f"{key}/{first}"}
        yield replace(sample, record=_record(sample, first), data=pages)
    if not lines:
        yield _rejected(sample, "no_pages", "the JSON file names none")


def _joins(row: Row) -> str:
    return "space" if "compat" in row.options else "newline"


def _rejected(row: Row, reason: str, detail: str, page: int = 0) -> Row:
    return replace(row, record=_record(row, page), data=Reject(reason=reason, detail=detail))


def _record(row: Row, page: int) -> str:
    return "/".join(part for part in (row.record, str(page or "")) if part)


def _rendered(sample: Row, facts: PdfFacts, numbers: list[int]) -> Iterator[PdfPage]:
    """Render the pages that have a text."""
    kind = "tiff" if sample.options.get("render") == "tif" else "pdf"
    endings = ("tif", "tiff") if kind == "tiff" else ("pdf",)
    data = next((sample.data[ending] for ending in endings if ending in sample.data), None)
    if data is None:
        raise PdfError("half_sample", f"no {kind} beside {', '.join(sorted(sample.data))}")
    if not numbers:
        return
    wanted: PdfAsked = asked(sample, pictures=True, text=False, pages=extent(numbers), kind=kind)
    yield from read_pages(data, facts, wanted)


def _group(
    group: range,
    found: list[tuple[PdfPage, str]],
    spelt: Mapping[int, str],
    facts: PdfFacts,
    told: int,
) -> dict[str, Any] | Reject:
    base = {"number": group[0], "told": told, "facts": facts}
    expected = [page for page in group if page in spelt]
    if not expected:
        return {**base, "skip": "page_without_text"}
    good = [(page, words) for page, words in found if page.kind != "damaged"]
    if not good:
        if found:
            return Reject(reason="page_damaged", detail=found[0][0].detail)
        over = expected[0] <= facts.pages
        detail = f"{facts.pages} pages in the file, {told} told"
        return Reject(reason="page_over_limit" if over else "page_missing", detail=detail)
    notes = {
        "page_without_text": len(group) - len(expected),
        "page_damaged": len(found) - len(good),
        "page_missing": len(expected) - len(found),
    }
    return {**base, "pages": good, "notes": {name: n for name, n in notes.items() if n}}


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    images: list[Picture] = []
    parts: list[str | int] = []
    for page, words in row.data["pages"]:
        parts += [len(images), words]
        images.append(Picture(path=page_name(page.number, row), bytes=page.picture))
    facts: PdfFacts = row.data["facts"]
    extra = {
        "key": row.data["key"],
        "page": row.data["number"],
        "pages": row.data["told"],
        "reader": f"pymupdf {facts.reader}",
    }
    if facts.pages != row.data["told"]:
        extra["pages_in_file"] = facts.pages
    return Draft(images=tuple(images), parts=tuple(parts), extra=extra, notes=row.data["notes"])
