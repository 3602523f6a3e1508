"""The text of a page that is only a picture, by a command of the user's (an OCR program).

The command gets the page as PNG or JPEG on its standard input and writes UTF-8 text on its standard
output, a blank line between paragraphs. It runs without a shell and is ended when it takes too
long.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace

from cauldron.media.limits import LIMITS, Limits
from cauldron.media.pdf import PdfPage
from cauldron.media.pdf_parts import TextLine

_KINDS = ("scanned", "garbled")
_MAX_CHARS = 1_000_000


def needs_ocr(page: PdfPage) -> bool:
    """Say whether a page has a picture and no text of its own that can be used."""
    return page.kind in _KINDS and page.picture is not None


def recognised(page: PdfPage, command: str, limits: Limits = LIMITS) -> PdfPage | None:
    """Return a page with the text that a command reads on it; None where the command fails."""
    try:
        done = subprocess.run(
            shlex.split(command),
            input=page.picture,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.max_ocr_page_s,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    text = done.stdout.decode("utf-8", "replace")[:_MAX_CHARS].replace("\r\n", "\n")
    lines = _lines(text.replace("\f", "\n\n"), page)
    return replace(page, kind="scanned_with_ocr", garbled=0.0, lines=lines, figures=())


def _lines(text: str, page: PdfPage) -> tuple[TextLine, ...]:
    """Return lines one below the other over the whole page, so that their order is the text's."""
    spelt = text.split("\n")
    height = page.height / max(len(spelt), 1)
    lines, block = [], 0
    for number, line in enumerate(spelt):
        if not line.strip():
            block += 1
            continue
        box = (0.0, number * height, page.width, (number + 0.8) * height)
        lines.append(TextLine(block=block, box=box, size=0.8 * height, text=line))
    return tuple(lines)
