"""Fonts that tell wrong letters for their ligatures, mended from the names of their glyphs.

Some programs save a font again with a table of letters that belongs to another order: the glyph
`f_f_i` then reads as `!`, `f_i` as a quotation mark, and "difficult" as "di!cult". The names of
the glyphs stay right.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pymupdf

_TORN = re.compile(r"[^\W\d_][!\"#$%&\x00-\x1f\u2190-\u21ff\ufffd][a-zà-ÿ]")
_DIFFERENCES = re.compile(r"/Differences\s*\[(.*?)\]", re.DOTALL)
_ENTRY = re.compile(r"\d+|/[^\s/\[\]()<>{}%]+")
_LIGATURE = re.compile(r"(?:[a-z]_)+[a-z]|ff|fi|fl|ffi|ffl", re.IGNORECASE)
_MAX_TABLE_CHARS = 1_000_000
_END = b"endcmap"


def mended(page: pymupdf.Page, blocks: list[dict[str, Any]]) -> bool:
    """Set right the ligatures of the fonts of a page; say whether there was anything to mend.

    Args:
        blocks: the text of the page; its fonts are looked at only when words are torn by signs.
    """
    spans = (s["text"] for b in blocks for line in b.get("lines", ()) for s in line["spans"])
    if not _TORN.search("".join(spans)):
        return False
    document = page.parent
    found = [_mend(document, font[0]) for font in page.get_fonts() if font[0] > 0]
    if any(found):
        pymupdf.TOOLS.store_shrink(100)  # MuPDF keeps the fonts that it has read
    return any(found)


def _mend(document: pymupdf.Document, font: int) -> bool:
    """Add the letters of its ligatures to the table of a font that has one."""
    kind, table = document.xref_get_key(font, "ToUnicode")
    names = dict(_ligatures(document, font)) if kind == "xref" else {}
    if not names:
        return False
    place = int(table.split()[0])
    told = document.xref_stream(place) or b""
    if len(told) > _MAX_TABLE_CHARS or _END not in told:
        return False
    lines = "".join(
        f"<{code:02x}> <{letters.encode('utf-16-be').hex()}>\n" for code, letters in names.items()
    )
    added = f"{len(names)} beginbfchar\n{lines}endbfchar\n".encode()
    if added in told:
        return False
    head, _, rest = told.rpartition(_END)
    document.update_stream(place, head + added + _END + rest)
    return True


def _ligatures(document: pymupdf.Document, font: int) -> Iterator[tuple[int, str]]:
    """Yield code and letters of each glyph of a simple font whose name spells a ligature."""
    kind, encoding = document.xref_get_key(font, "Encoding")
    if kind == "xref":
        encoding = document.xref_object(int(encoding.split()[0]))
    differences = _DIFFERENCES.search(encoding[:_MAX_TABLE_CHARS])
    code = 0
    for entry in _ENTRY.findall(differences[1] if differences else ""):
        if entry[0] != "/":
            code = int(entry[:4])
            continue
        if code < 256 and _LIGATURE.fullmatch(entry[1:]):
            yield code, entry[1:].replace("_", "")
        code += 1
