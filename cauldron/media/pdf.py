"""PDF files, opened in a process of their own: pages one by one, whatever the file does.

The process is started with the first file and kept. It dies of a crash, of too much memory or of
too much processor time on one page; the file at hand is then refused with a reason, and the next
file gets a new process.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any, cast

from cauldron.media.frames import read_frame, write_frame
from cauldron.media.limits import LIMITS, Limits
from cauldron.media.pdf_parts import Figure, TextLine

_HEAD_BYTES = 1_024


class PdfError(Exception):
    """A file that must not or cannot be read: encrypted, damaged, too_large, timeout, no_pages."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfPage:
    """A page as read.

    Args:
        number: from 1.
        kind: `digital`, `scanned_with_ocr`, `scanned`, `blank`, `garbled`, `damaged`, or `rendered`
            where nobody asked.
        width: in points, turned so that its text stands upright; likewise `height` and all boxes.
        garbled: from 0 to 1; over 0.5 its letters are taken to stand for other letters.
        turned: lines that run in another direction than most; they are left out.
        unreadable: lines of letters without a meaning on a page whose other lines can be read.
        too_large: pictures whose declared size is over the limit; they are left out.
        picture: the rendered page, when asked for.
        size: its width and height in pixels.
    """

    number: int
    kind: str
    detail: str = ""
    width: float = 0.0
    height: float = 0.0
    garbled: float = 0.0
    turned: int = 0
    unreadable: int = 0
    too_large: int = 0
    lines: tuple[TextLine, ...] = ()
    figures: tuple[Figure, ...] = ()
    picture: bytes | None = None
    size: tuple[int, int] = (0, 0)

    @property
    def has_text(self) -> bool:
        """Whether its text can be used."""
        return self.kind in ("digital", "scanned_with_ocr")


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfAsked:
    """What is asked of a file.

    Args:
        pictures: render each page instead of looking for its figures.
        scans: render pages that are only a picture, too.
        pages: ranges of page numbers, first and last; none for all.
        dpi: dots an inch, at least; a picture on the page may ask for more.
        max_side: pixels of the longer side of a rendered page, at most.
        native: render finer where a picture on the page is finer than `dpi`.
        grey: render in grey instead of RGB.
        jpeg: quality of rendered pages as JPEG; 0 for PNG.
        text: look for the text; without it a page that is rendered has kind `rendered`.
        kind: `pdf`, or `tiff` for the pages of a fax.
    """

    pictures: bool = False
    scans: bool = False
    native: bool = True
    grey: bool = False
    jpeg: int = 0
    text: bool = True
    kind: str = "pdf"
    pages: tuple[tuple[int, int], ...] = ()
    password: str = ""
    dpi: int = 150
    max_side: int = 2_048


@dataclass(slots=True)
class PdfFacts:
    """What is known of a file: filled while its pages are read."""

    pages: int = 0
    title: str = ""
    reader: str = ""
    warnings: int = 0


def is_available() -> bool:
    """Say whether PyMuPDF is installed."""
    return importlib.util.find_spec("pymupdf") is not None


def read_pages(
    data: bytes, facts: PdfFacts, asked: PdfAsked = PdfAsked(), *, limits: Limits = LIMITS
) -> Iterator[PdfPage]:
    """Read a file page by page.

    Args:
        facts: filled with what is known of the file.

    Raises:
        PdfError: if the file cannot be read, or at the page where reading failed.
    """
    if len(data) > limits.max_pdf_bytes:
        raise PdfError("too_large", f"{len(data)} bytes")
    if asked.kind == "pdf" and b"%PDF" not in data[:_HEAD_BYTES]:
        raise PdfError("damaged", "no PDF header")
    if asked.kind == "tiff" and not data.startswith((b"II*\0", b"MM\0*")):
        raise PdfError("damaged", "no TIFF header")
    process = _Child.current()
    request = {
        **asdict(asked),
        "page_s": limits.max_pdf_page_s,
        "file_s": limits.max_pdf_s,
        "max_pages": limits.max_pdf_pages,
    }
    process.ask(request, data)
    number = 0
    try:
        while True:
            head, blobs = process.answer(number)
            if "error" in head:
                raise PdfError(head["error"], head["detail"])
            if "done" in head:
                facts.warnings = head["warnings"]
                return
            if "pages" in head:
                facts.pages, facts.title, facts.reader = (
                    head["pages"],
                    head["title"],
                    head["reader"],
                )
                continue
            number = head["number"]
            yield _page(head, blobs)
    finally:
        process.settle()


def _page(head: dict[str, Any], blobs: list[bytes]) -> PdfPage:
    if head["kind"] == "damaged":
        return PdfPage(number=head["number"], kind="damaged", detail=head["detail"])
    if head["kind"] == "rendered":
        size = tuple(head["picture"])
        return PdfPage(number=head["number"], kind="rendered", picture=blobs[0], size=size)
    lines = [
        TextLine(
            block=x["block"], box=tuple(x["box"]), size=x["size"], text=x["text"], font=x["font"]
        )
        for x in head["lines"]
    ]
    figures = [
        Figure(
            box=tuple(box), width=width, height=height, kind=kind, data=data, page=head["number"]
        )
        for (box, width, height, kind), data in zip(head["figures"], blobs, strict=False)
    ]
    return PdfPage(
        number=head["number"],
        kind=head["kind"],
        width=head["width"],
        height=head["height"],
        garbled=head["garbled"],
        turned=head["turned"],
        unreadable=head["unreadable"],
        too_large=head["too_large"],
        lines=tuple(lines),
        figures=tuple(figures),
        picture=blobs[0] if "picture" in head else None,
        size=tuple(head.get("picture", (0, 0))),
    )


class _Child:
    """The process that reads PDFs for this one."""

    _running: _Child | None = None

    def __init__(self) -> None:
        command = [sys.executable, "-m", "cauldron.media.pdf_child"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        self._busy = False

    @classmethod
    def current(cls) -> _Child:
        """Return the running process, or start one."""
        if cls._running is None:
            cls._running = cls()
            atexit.register(cls._running.end)
        return cls._running

    def ask(self, request: dict[str, Any], data: bytes) -> None:
        """Send a file."""
        self._busy = True
        with contextlib.suppress(BrokenPipeError):  # a dead process is told by its answer
            write_frame(self._input, request, [data])

    def answer(self, last: int) -> tuple[dict[str, Any], list[bytes]]:
        """Return the next answer.

        Raises:
            PdfError: timeout or damaged, if the process has died.
        """
        frame = read_frame(self._output)
        if frame is None:
            code = self._process.wait()
            place = f"page {last + 1}" if last else "on opening"
            if code == -signal.SIGPROF:
                raise PdfError("timeout", place)
            raise PdfError("damaged", f"the PDF library ended with code {code}, {place}")
        if "done" in frame[0] or "error" in frame[0]:
            self._busy = False
        return frame

    def settle(self) -> None:
        """End the process when it is dead or still at work on a file that nobody reads."""
        if self._busy:
            self.end()

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        for pipe in (self._input, self._output):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()
        atexit.unregister(self.end)
        if _Child._running is self:
            _Child._running = None
