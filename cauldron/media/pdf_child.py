"""The process that opens PDF files: `python -m cauldron.media.pdf_child`.

MuPDF is a C library that reads hostile bytes. It runs in a process of its own with limits on memory
and on processor time a page, so that a crash or a hang costs one file. Requests come on standard
input, answers go to standard output, as frames: a length, a JSON head, then raw bytes.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pymupdf

from cauldron.media.frames import read_frame, write_frame
from cauldron.media.limits import LIMITS
from cauldron.media.pdf_figures import figures_of
from cauldron.media.pdf_fonts import mended
from cauldron.media.pdf_page import (
    Painted,
    ink_boxes,
    page_class,
    painted_pictures,
    render,
    scale_of,
    text_blocks,
    text_lines,
)
from cauldron.media.pdf_text import MAX_GARBLED, garbled_share, readable

_SCANS = ("scanned", "garbled")


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_AS, (LIMITS.max_pdf_memory, LIMITS.max_pdf_memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    while request := read_frame(sys.stdin.buffer):
        head, (data,) = request
        _limit_time(head["page_s"])
        try:
            for answer, blobs in _answers(data, head):
                write_frame(answers, answer, blobs)
                _limit_time(head["page_s"])
        except MemoryError:
            write_frame(answers, {"error": "too_large", "detail": "out of memory"}, [])
        except Exception as error:  # MuPDF raises classes of its own that share no base
            detail = f"{type(error).__name__}: {error}"[:200]
            write_frame(answers, {"error": "damaged", "detail": detail}, [])
        pymupdf.TOOLS.store_shrink(100)


def _limit_time(page_s: float) -> None:
    """End this process when one page takes too much processor time, even inside C code."""
    signal.setitimer(signal.ITIMER_PROF, page_s)


def _answers(data: bytes, request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    started = time.process_time()
    pymupdf.TOOLS.reset_mupdf_warnings()
    with pymupdf.open(stream=data, filetype=request["kind"]) as document:
        if document.needs_pass and not document.authenticate(request["password"]):
            detail = "the password does not fit" if request["password"] else "needs a password"
            yield {"error": "encrypted", "detail": detail}, []
            return
        count = document.page_count
        if not count:
            yield {"error": "no_pages", "detail": ""}, []
            return
        title = (document.metadata or {}).get("title") or ""
        yield {"pages": count, "title": str(title)[:500], "reader": pymupdf.VersionBind}, []
        for number in _numbers(count, request):
            if time.process_time() - started > request["file_s"]:
                yield {"error": "timeout", "detail": f"page {number + 1}"}, []
                return
            try:
                yield _page(document, number, request)
            except MemoryError:
                raise
            except Exception as error:  # as above: one damaged page does not cost the others
                detail = f"{type(error).__name__}: {error}"[:200]
                yield {"number": number + 1, "kind": "damaged", "detail": detail}, []
    warnings = pymupdf.TOOLS.mupdf_warnings()
    yield {"done": True, "warnings": warnings.count("\n") + 1 if warnings else 0}, []


def _numbers(count: int, request: dict[str, Any]) -> list[int]:
    """Return the page numbers, from 0, that are asked for."""
    ranges = request["pages"] or [[1, count]]
    wanted = {n for first, last in ranges for n in range(first - 1, min(last, count))}
    return sorted(wanted)[: request["max_pages"]]


def _page(
    document: pymupdf.Document, number: int, request: dict[str, Any]
) -> tuple[dict[str, Any], list[bytes]]:
    page = document[number]
    if not request["text"]:
        data, width, height = _rendered(page, request)
        return {"number": number + 1, "kind": "rendered", "picture": [width, height]}, [data]
    turn = page.rotation
    blocks = text_blocks(page)
    if mended(page, blocks):
        page = document[number]
        blocks = text_blocks(page)
    lines, others = text_lines(page, blocks)
    pictures = painted_pictures(page)
    ink = ink_boxes(page)
    kind = page_class(page, lines, pictures, bool(ink))
    whole, lines = lines, readable(lines)
    garbled = garbled_share(" ".join(line.text for line in lines))
    if garbled > MAX_GARBLED:
        kind = "garbled"
    head: dict[str, Any] = {
        "number": number + 1,
        "kind": kind,
        "width": page.rect.width,
        "height": page.rect.height,
        "garbled": round(garbled, 3),
        "turned": others,
        "unreadable": len(whole) - len(lines),
        "too_large": sum(not picture.allowed for picture in pictures),
        "lines": lines,
        "figures": [],
    }
    if request["pictures"] or (request["scans"] and kind in _SCANS):
        page.set_rotation(turn)
        data, width, height = _rendered(page, request, pictures)
        return {**head, "picture": [width, height]}, [data]
    figures = figures_of(page, lines, pictures, ink) if kind == "digital" else []
    head["figures"] = [[f.box, f.width, f.height, f.kind] for f in figures]
    return head, [figure.data for figure in figures]


def _rendered(
    page: pymupdf.Page, request: dict[str, Any], pictures: list[Painted] | None = None
) -> tuple[bytes, int, int]:
    if not request["native"]:
        pictures = []
    elif pictures is None:
        pictures = painted_pictures(page)
    scale = scale_of(page, pictures, page.rect, request["dpi"], request["max_side"])
    return render(page, scale, grey=request["grey"], jpeg=request["jpeg"])


if __name__ == "__main__":
    main()
