"""PDFA: pages of PDF files of the web with the text of their own text layer, in English.

pixparse/pdfa-eng-wds, made of the SafeDocs crawl (CC-MAIN-2021-31-PDF-UNTRUNCATED). Lines stand in
the order that the set gives them; with `--option join=space` (or `compat=idefics2`) they are joined
by blanks, as for Idefics2.
"""

from __future__ import annotations

from cauldron.sources._documents import document_form
from cauldron.sources.base import Source

SOURCE = Source(
    name="pdfa",
    forms=(
        document_form(
            "pdfa",
            "tars of pixparse/pdfa-eng-wds (pdfa-eng-train-0000.tar), or folders of equal-named "
            ".pdf and .json files",
        ),
    ),
)
