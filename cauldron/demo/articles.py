"""Articles for the demo: made-up texts with pictures, and how they are set on PDF pages."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

from PIL import Image

from cauldron.demo import words
from cauldron.demo.charts import chart, draw_chart
from cauldron.demo.drawing import copied, jpeg, text_width
from cauldron.demo.pdf_file import HEIGHT, WIDTH, Figure, Line, Page
from cauldron.demo.scenes import scene, things
from cauldron.demo.tree import Rng

_MARGIN, _LEADING = 64, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a document says: a title, paragraphs, and pictures with captions between them."""

    title: str
    paragraphs: tuple[str, ...]
    pictures: tuple[bytes, ...]
    captions: tuple[str, ...]


def article(rng: Rng, paragraphs: int = 4, pictures: int = 1) -> Article:
    """Make up an article with scenes and charts in it."""
    drawn, captions = [], []
    for number in range(pictures):
        if number % 2:
            shown = chart(rng)
            drawn.append(jpeg(draw_chart(shown).convert("RGB")))
            captions.append(f"{shown.title}.")
        else:
            seen = things(rng, 3)
            drawn.append(jpeg(scene(rng, seen)))
            captions.append("Seen here: " + ", ".join(thing.name for thing in seen) + ".")
    return Article(
        title=words.title(rng),
        paragraphs=tuple(words.paragraphs(rng, paragraphs)),
        pictures=tuple(drawn),
        captions=tuple(captions),
    )


def edited(told: Article) -> Article:
    """Return an article with one small edit in its first paragraph."""
    first, *rest = told.paragraphs
    return replace(told, paragraphs=(words.edited(first), *rest))


def _wrapped(text: str, width: float, size: float) -> list[str]:
    """Break a paragraph into lines of a width in points."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, 20) * size / 20 > width * 0.94:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class _Typesetter:
    """Fills pages column by column, each with a running head and a page number."""

    def __init__(self, told: Article, columns: int) -> None:
        self.told, self.columns = told, columns
        self.width = (WIDTH - 2 * _MARGIN - 24 * (columns - 1)) / columns
        self.pages: list[list[Line | Figure]] = []
        self.column, self.top = columns - 1, float(HEIGHT)

    def pages_set(self) -> list[Page]:
        """Return the pages of the article."""
        self._page()
        self.pages[0].append(Line(x=_MARGIN, y=100, text=self.told.title, size=18, bold=True))
        self.top = self.start = 126.0
        for number, paragraph in enumerate(self.told.paragraphs):
            lines = _wrapped(paragraph, self.width, 10)
            for line in lines:
                self._room(_LEADING)
                self.pages[-1].append(Line(x=self.left, y=self.top, text=line))
                self.top += _LEADING
            self.top += 6
            if number < len(self.told.pictures):
                self._figure(number)
        return list(self.pages)

    @property
    def left(self) -> float:
        return _MARGIN + self.column * (self.width + 24)

    def _room(self, height: float) -> None:
        if self.top + height > HEIGHT - 80:
            if self.column + 1 < self.columns:
                self.column, self.top = self.column + 1, self.start
            else:
                self._page()

    def _page(self) -> None:
        number = len(self.pages) + 1
        self.pages.append(
            [
                Line(x=_MARGIN, y=44, text="Notes from the coast, spring issue", size=8),
                Line(x=WIDTH / 2, y=HEIGHT - 36, text=str(number), size=8),
            ]
        )
        self.column, self.top, self.start = 0, 80.0, 80.0

    def _figure(self, number: int) -> None:
        with Image.open(io.BytesIO(self.told.pictures[number])) as image:
            width = min(self.width, 240)
            height = width * image.height / image.width
        self._room(height + 40)
        box = {"x": self.left, "y": self.top, "width": width, "height": height}
        self.pages[-1].append(Figure(jpeg=self.told.pictures[number], **box))
        self.top += height + 14
        for line in _wrapped(f"Figure {number + 1}: {self.told.captions[number]}", self.width, 9):
            self.pages[-1].append(Line(x=self.left, y=self.top, text=line, size=9))
            self.top += 12
        self.top += 10


def pages_of(told: Article, columns: int) -> list[Page]:
    """Set an article in one or two columns."""
    return _Typesetter(told, columns).pages_set()


def scan_of(told: Article) -> list[Page]:
    """Return pages that are pictures of paper, without text."""
    return [
        [Figure(x=0, y=0, width=WIDTH, height=HEIGHT, jpeg=copied(told.pictures[0], scale=3))]
        for _ in range(2)
    ]
