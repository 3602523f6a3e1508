"""How pages are rendered: what a PDF source can be asked for, and what that means to the reader."""

from __future__ import annotations

from typing import Any

from cauldron.media.pdf import PdfAsked
from cauldron.readers.raw import Row
from cauldron.sources._options import number, one_of
from cauldron.sources.base import Option

RENDERING = (
    Option(name="dpi", read=number(36, 1_200), help="dots an inch of rendered pages, 150 at first"),
    Option(
        name="max-side",
        read=number(64, 10_000),
        help="longer side of rendered pages, 2048 pixels at first",
    ),
    Option(name="colour", read=one_of("rgb", "grey"), help="of rendered pages, rgb at first"),
    Option(name="jpeg", read=number(1, 100), help="pages as JPEG of this quality instead of PNG"),
    Option(
        name="compat",
        read=one_of("idefics2"),
        help="idefics2: pages grey and at 150 dpi whatever their pictures, lines joined by blanks",
    ),
)
_IDEFICS2 = {"grey": True, "native": False, "max_side": 10_000}  # m4 decoding: 150 dpi, mode L
_NAMES = {"dpi": "dpi", "max-side": "max_side", "jpeg": "jpeg", "password": "password"}


def asked(row: Row, **kind: Any) -> PdfAsked:
    """Return what the options of a row ask of the PDF reader."""
    chosen = row.options
    given = dict(_IDEFICS2) if "compat" in chosen else {}
    given |= {field: chosen[name] for name, field in _NAMES.items() if name in chosen}
    if "colour" in chosen:
        given["grey"] = chosen["colour"] == "grey"
    return PdfAsked(**(given | kind))


def page_name(number_: int, row: Row) -> str:
    """Return the file name of a rendered page."""
    return f"page-{number_}.{'jpg' if 'jpeg' in row.options else 'png'}"


def extent(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """Return ranges (first, last) that cover sorted page numbers."""
    ranges: list[tuple[int, int]] = []
    for page in numbers:
        if ranges and ranges[-1][1] == page - 1:
            ranges[-1] = ranges[-1][0], page
        else:
            ranges.append((page, page))
    return tuple(ranges)
