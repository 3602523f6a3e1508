"""Every limit on hostile input, in one place, with its reason.

`CAULDRON_LIMITS="max_pixels=90000000 formats=AVIF"` in the environment sets others, for a command
and all its workers; what is ingested by other limits is ingested anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cauldron.errors import UsageError, near

VARIABLE = "CAULDRON_LIMITS"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
MORE_FORMATS = ("AVIF",)
"""Formats whose decoders are young: they are opened only where they are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that opening a file must stay within; past them the record is rejected.

    Args:
        formats: of pictures, by content; others are not identified, and no decoder is asked.
        max_pixels: width x height; 50 Mpx is 150 MB as RGB.
        max_side: longest side in pixels (OBELICS: 20,000).
        max_frames: frames of an animation; only the first is used.
        max_scans: of a JPEG that is sent in several; encoders write about ten, and each is a pass
            over all its pixels: 30 MB of empty ones would take hours.
        max_image_bytes: encoded size; hub rows must stay under 30 MB.
        max_pdf_bytes: as PDFA, 100 MB.
        max_pdf_pages: pages read of one PDF.
        max_pdf_page_s: processor time for one page, in seconds; hostile files stay under 10 s.
        max_pdf_s: processor time for one PDF, in seconds.
        max_ocr_page_s: time that an OCR command may take for one page, in seconds.
        max_pdf_memory: address space in bytes of the process that reads PDFs.
        max_html_bytes: bytes of one page.
        max_html_depth: nesting that is followed.
        max_html_nodes: elements and texts of one page; the rest is left out.
        max_inline_bytes: a picture inside the page's own text (`data:` address).
        max_body_bytes: an HTTP body, unpacked.
        max_body_ratio: unpacked by packed size of an HTTP body.
        max_line_bytes: one JSON line.
        max_file_bytes: a file that is read as a whole; longer ones are streamed.
        max_table_rows: rows of a table that is drawn.
        max_table_columns: its columns.
        max_table_cells: its cells; the largest are laid out in about a second.
        max_table_chars: characters of all its cells.
        max_table_pixels: width x height of the drawn table.
        max_svg_bytes: a drawing in SVG.
        max_svg_s: time to paint one.
        max_svg_memory: address space in bytes of the process that paints.
        max_record_s: time for one record in a worker; a PDF of many pages has `max_pdf_s` of it.
        max_record_memory: address space in bytes that a worker may take while it reads records.
        max_dead_share: share of the records of a part that may end their worker; a part of more is
            set aside, since each may take all its time.
        max_ratio: unpacked by packed size of an archive's member; deflate ends at 1,032.
        max_members: of one archive; a list of so many takes about 1 GB.
    """

    formats: tuple[str, ...] = FORMATS
    max_pixels: int = 50_000_000
    max_side: int = 20_000
    max_frames: int = 64
    max_scans: int = 100
    max_image_bytes: int = 30_000_000
    max_pdf_bytes: int = 100_000_000
    max_pdf_pages: int = 2_000
    max_pdf_page_s: float = 8.0
    max_pdf_s: float = 900.0
    max_ocr_page_s: float = 120.0
    max_pdf_memory: int = 2 << 30
    max_html_bytes: int = 10_000_000
    max_html_depth: int = 512
    max_html_nodes: int = 100_000
    max_inline_bytes: int = 1_000_000
    max_body_bytes: int = 64 << 20
    max_body_ratio: int = 200
    max_line_bytes: int = 64_000_000
    max_file_bytes: int = 1_000_000_000
    max_table_rows: int = 1_000
    max_table_columns: int = 100
    max_table_cells: int = 10_000
    max_table_chars: int = 100_000
    max_table_pixels: int = 25_000_000
    max_svg_bytes: int = 5_000_000
    max_svg_s: float = 10.0
    max_svg_memory: int = 2 << 30
    max_ratio: int = 500
    max_members: int = 2_000_000
    max_record_s: float = 1_200.0
    max_record_memory: int = 6 << 30
    max_dead_share: float = 0.1


def read_limits(text: str) -> Limits:
    """Read limits as the environment has them: `name=number`, `formats=AVIF` for one more.

    Raises:
        UsageError: if a name, a number or a format is none.
    """
    names = [field.name for field in fields(Limits)]
    asked: dict[str, Any] = {}
    for given in text.split():
        name, _, value = given.partition("=")
        if name not in names:
            raise UsageError(f"{VARIABLE}: no limit '{name}'{near(name, names)}")
        try:
            asked[name] = (
                _more(value) if name == "formats" else type(getattr(Limits(), name))(value)
            )
        except ValueError as error:
            raise UsageError(f"{VARIABLE}: {name} cannot be '{value}'") from error
    return replace(Limits(), **asked)


def _more(value: str) -> tuple[str, ...]:
    more = value.upper().split(",")
    if not set(more) <= set(MORE_FORMATS):
        raise ValueError(value)
    return (*FORMATS, *more)


LIMITS = read_limits(os.environ.get(VARIABLE, ""))


def changed_limits() -> Mapping[str, Any]:
    """Return the limits that are other than the usual ones."""
    usual = asdict(Limits())
    return {name: value for name, value in asdict(LIMITS).items() if value != usual[name]}
