"""OCR-IDL: pages of the Industry Documents Library with the text that Textract read on them.

Biten et al. 2022, OCR-IDL: OCR Annotations for Industry Document Library Dataset, arXiv:2202.12985;
read are the tars of pixparse/idl-wds, and PDF files with raw answers of Textract beside them. Pages
are rendered from the PDF; its TIFF copy and the older OCR are options.
"""

from __future__ import annotations

from collections.abc import Mapping

from cauldron.readers.raw import Row
from cauldron.sources._documents import document_form, json_texts
from cauldron.sources._options import one_of
from cauldron.sources._page_texts import Lines, texts_of_ocr
from cauldron.sources.base import Option, Source


def _texts(members: Mapping[str, bytes], row: Row) -> list[Lines]:
    if row.options.get("text") == "ocr":
        return texts_of_ocr(members["ocr"])
    return json_texts(members, row)


SOURCE = Source(
    name="ocr_idl",
    forms=(
        document_form(
            "ocr_idl",
            "tars of pixparse/idl-wds (idl-train-00000.tar), or folders of equal-named .pdf and "
            ".json files",
            texts=_texts,
            options=(
                Option(name="text", read=one_of("json", "ocr"), help="ocr: the older OCR"),
                Option(name="render", read=one_of("pdf", "tif"), help="tif: pages of the TIFF"),
            ),
        ),
    ),
)
