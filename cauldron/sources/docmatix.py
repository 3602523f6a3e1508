"""Docmatix: questions and answers that a language model made of the texts of PDFA.

Laurençon et al. 2024, Building and better understanding vision-language models, arXiv:2408.12637.
The pages of a document stand in front of its questions, which do not build on each other. The
config `images` holds pages, the config `pdf` the files themselves: their pages are rendered here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.errors import SourceError
from cauldron.media.pdf import PdfError, PdfFacts, is_available, read_pages
from cauldron.phrasing import text
from cauldron.readers import open_parquet
from cauldron.readers.raw import Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._options import number
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._rendering import RENDERING, asked, page_name
from cauldron.sources.base import Option, Source

_PDFA_KEY = "PDFA key: "
_LONGEST = Option(
    name="max-turn-chars",
    read=number(1, 1_000_000),
    help="documents with a longer question or answer are left out; 500 for Idefics3",
)


def _convert(row: Row) -> Draft | Reject | Skip:
    turns = tuple(
        Turn(user=text(said["user"] or ""), assistant=text(said["assistant"] or ""))
        for said in row.data["texts"] or []
    )
    most = row.options.get("max-turn-chars", 0)
    if most and any(len(words) > most for turn in turns for words in (turn.user, turn.assistant)):
        return Skip(reason="turn_too_long")
    pictures = [
        cell if isinstance(cell, Picture) else cell_picture(row, cell)
        for cell in row.data["images"] or []
    ]
    if not pictures:
        return Reject(reason="image_missing", detail="no page")
    return Draft(images=tuple(pictures), turns=turns, extra=_key(row.data["texts"]))


def _key(texts: list[dict[str, Any]]) -> dict[str, str]:
    """Return the key of the document in PDFA."""
    told = next((text(said["source"]) for said in texts if said.get("source")), "")
    return {"pdfa_key": told.removeprefix(_PDFA_KEY)} if told else {}


def _rendered(row: Row, raw: Raw) -> Iterator[Row | Reject]:
    """Expand a run of rows, their files rendered to pages."""
    if not is_available():
        raise SourceError("PyMuPDF is missing", place="docmatix", hint="pip install cauldron[pdf]")
    for found in open_parquet(row, raw):
        if isinstance(found, Reject):
            yield found
            continue
        cell = found.data["pdf"]
        data = cell["bytes"] if isinstance(cell, dict) else cell
        try:
            pages = _pages(found, data or b"")
        except PdfError as error:
            yield replace(found, data=Reject(reason=error.reason, detail=error.detail))
            continue
        yield replace(found, data={"texts": found.data["texts"], "images": pages})


def _pages(row: Row, data: bytes) -> list[Picture]:
    wanted = asked(row, pictures=True, text=False)
    pages = []
    for page in read_pages(data, PdfFacts(), wanted):
        if page.kind == "damaged":
            raise PdfError("page_damaged", page.detail)
        pages.append(Picture(path=page_name(page.number, row), bytes=page.picture))
    return pages


_IMAGES = parquet_form(
    "docmatix",
    {"images", "texts"}.issubset,
    _convert,
    "Parquet of HuggingFaceM4/Docmatix, config images (data/train-*.parquet)",
    name="official",
)
_PDF = parquet_form(
    "docmatix",
    {"pdf", "texts"}.issubset,
    _convert,
    "config pdf of it (pdf/train-*.parquet)",
    name="pdf",
    opened=_rendered,
)
SOURCE = Source(
    name="docmatix",
    forms=(
        replace(_IMAGES, options=(_LONGEST,)),
        replace(_PDF, options=(*RENDERING, _LONGEST)),
    ),
)
