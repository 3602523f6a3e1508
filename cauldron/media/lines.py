"""Lines of text: cleaning, breaking at a width, fonts for each part, measuring and drawing."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import ImageDraw, ImageFont, features

from cauldron.media.bidi import right_to_left, visual_runs
from cauldron.media.fonts import face_for, sized
from cauldron.media.images import ImageError

_JOINERS = "\u200c\u200d"
_OPENING = frozenset("（「『【《〈〔［｛“‘")
_JOINING_BLOCKS = ((0x1800, 0x18AF), (0xA840, 0xA87F))  # Mongolian, Phags-pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Font:
    """What a text is set in: family, size in pixels, weight."""

    family: str
    size_px: int
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A part of a line in one font and direction, `x` pixels from the line's left end."""

    text: str
    font: ImageFont.FreeTypeFont
    x: float
    direction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line ready to be drawn: its parts from left to right and its size in pixels."""

    text: str
    runs: tuple[Run, ...]
    width: float
    ascent: int
    descent: int

    @property
    def height(self) -> int:
        return self.ascent + self.descent


def clean(text: str) -> str:
    """Return text as it is drawn: composed, plain blanks, line ends, no invisible controls."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(_drawn(char) for char in composed)


def _drawn(char: str) -> str:
    category = unicodedata.category(char)
    if char == "\n" or category in ("Zl", "Zp"):
        return "\n"
    if char == "\t" or category == "Zs":
        return " "
    if category == "Cc" or (category == "Cf" and char not in _JOINERS):
        return ""
    return "" if 0xFE00 <= ord(char) <= 0xFE0F else char


@functools.lru_cache(maxsize=1 << 14)
def typeset(text: str, font: Font, rtl: bool = False) -> Line:
    """Choose fonts for one line and measure it.

    Raises:
        ImageError: glyph_missing, or text_shaping_missing where Pillow lacks Raqm and FriBiDi.
    """
    runs: list[Run] = []
    x = 0.0
    ascent, descent = sized(f"{font.family}_Regular", font.size_px, False).getmetrics()
    for piece, from_right in _directed(text, rtl):
        faces = _faced(piece, font)
        for part, name in reversed(faces) if from_right else faces:
            shaped = needs_shaping(part)
            drawn = sized(name, font.size_px, shaped)
            direction = ("rtl" if from_right else "ltr") if shaped else None
            runs.append(Run(text=part, font=drawn, x=x, direction=direction))
            up, down = _extent(part, drawn, direction)
            ascent, descent = max(ascent, up), max(descent, down)
            x += drawn.getlength(part, direction=direction)
    return Line(text=text, runs=tuple(runs), width=x, ascent=ascent, descent=descent)


def draw_line(draw: ImageDraw.ImageDraw, line: Line, x: float, top: float, fill: int) -> None:
    """Draw a line with its left end at `x` and its upper edge at `top`."""
    for run in line.runs:
        place = (x + run.x, top + line.ascent)
        draw.text(place, run.text, fill, run.font, anchor="ls", direction=run.direction)


def _extent(text: str, font: ImageFont.FreeTypeFont, direction: str | None) -> tuple[int, int]:
    ascent, descent = font.getmetrics()
    if direction is None:
        return ascent, descent
    _, top, _, bottom = font.getbbox(text, anchor="ls", direction=direction)
    return max(ascent, round(-top + 0.5)), max(descent, round(bottom + 0.5))


def _directed(text: str, rtl: bool) -> list[tuple[str, bool]]:
    if not rtl and (text.isascii() or not any(map(_from_right, text))):
        return [(text, False)]
    return visual_runs(text, rtl)


def _from_right(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL", "AN")


@functools.lru_cache(maxsize=1 << 14)
def needs_shaping(text: str) -> bool:
    """Say whether letters must be joined, reordered or stacked to be drawn right.

    Raises:
        ImageError: text_shaping_missing, when they must and Pillow cannot.
    """
    if text.isascii() or not any(map(_is_complex, text)):
        return False
    if not (features.check("raqm") and features.check("fribidi")):
        raise ImageError("text_shaping_missing", "Pillow found no FriBiDi; install libfribidi")
    return True


def _is_complex(char: str) -> bool:
    return (
        unicodedata.category(char)[0] == "M"
        or _from_right(char)
        or any(low <= ord(char) <= high for low, high in _JOINING_BLOCKS)
    )


def _faced(text: str, font: Font) -> list[tuple[str, str]]:
    """Return parts of a text in reading order with the name of the face that has each."""
    if text.isascii():
        return [(text, face_for("A", font.family, font.bold).name)] if text else []
    parts: list[tuple[str, str]] = []
    for cluster in clusters(text):
        last = parts[-1][1] if parts else ""
        name = _face_name(cluster, font, last)
        if name == last:
            parts[-1] = (parts[-1][0] + cluster, name)
        else:
            parts.append((cluster, name))
    return parts


@functools.lru_cache(maxsize=1 << 15)
def _face_name(cluster: str, font: Font, last: str) -> str:
    """Return the face of a cluster; blanks and marks stay in the face of what stands before."""
    from cauldron.media.fonts import face

    if last and not cluster[0].isalnum() and face(last).covers(cluster):
        return last
    return face_for(cluster, font.family, font.bold).name


def clusters(text: str) -> Iterator[str]:
    """Split text where it may be cut without tearing marks, joiners or conjuncts from letters."""
    held = ""
    for char in text:
        joins = unicodedata.category(char)[0] == "M" or char in _JOINERS
        conjunct = held and (held[-1] in _JOINERS or unicodedata.combining(held[-1]) == 9)
        if held and not joins and not conjunct:
            yield held
            held = ""
        held += char
    if held:
        yield held


def wrapped(text: str, font: Font, width: float) -> tuple[Line, ...]:
    """Break a cleaned text into lines no wider than `width` where its parts allow it.

    Lines end at blanks, between ideographs, at line ends of the text, and inside a word only when
    the word alone is wider than a line.
    """
    rtl = right_to_left(text)
    lines: list[Line] = []
    for paragraph in text.split("\n"):
        whole = typeset(paragraph.strip(), font, rtl)
        if whole.width <= width:
            lines.append(whole)
        else:
            lines += (typeset(words, font, rtl) for words in _broken(paragraph, font, width))
    return tuple(lines)


def _broken(paragraph: str, font: Font, width: float) -> Iterator[str]:
    held = ""
    for token in _tokens(paragraph):
        if held.strip() and advance(held + token.rstrip(), font) > width:
            yield held.strip()
            held = ""
        while advance(token.rstrip(), font) > width:
            head = _fitting(token, font, width)
            if head == token:
                break
            yield head
            token = token[len(head) :]
        held += token
    if held.strip():
        yield held.strip()


def _fitting(token: str, font: Font, width: float) -> str:
    """Return the longest beginning of a word that fits, at least one cluster."""
    head = ""
    for cluster in clusters(token):
        if head and advance(head + cluster, font) > width:
            break
        head += cluster
    return head


def _tokens(text: str) -> list[str]:
    """Return what must stay on one line: words with the blank after them, single ideographs."""
    out: list[str] = []
    for word in text.split(" "):
        out += _ideographs(word) if not word.isascii() else [word]
        out[-1:] = [f"{out[-1]} "] if out else [" "]
    return out


def _ideographs(word: str) -> list[str]:
    out: list[str] = []
    for wide, group in itertools.groupby(clusters(word), key=_is_wide):
        pieces = list(group) if wide else ["".join(group)]
        for piece in pieces:
            closing = unicodedata.category(piece[0]) in ("Pe", "Pf", "Po") and out
            if closing or (out and out[-1][-1] in _OPENING):
                out[-1] += piece
            else:
                out.append(piece)
    return out or [""]


def _is_wide(cluster: str) -> bool:
    return unicodedata.east_asian_width(cluster[0]) in ("W", "F")


def longest_word(text: str, font: Font) -> float:
    """Return the width of the widest part that lines are not broken in."""
    return max((advance(token.strip(), font) for token in _tokens(text)), default=0.0)


def advance(text: str, font: Font) -> float:
    """Return the width of a text in pixels, near enough for choosing where to break."""
    return sum(_char_width(char, font) for char in text)


@functools.lru_cache(maxsize=1 << 15)
def _char_width(char: str, font: Font) -> float:
    if char == "\n":
        return 0.0
    name = face_for(char, font.family, font.bold).name
    return sized(name, font.size_px, False).getlength(char)
