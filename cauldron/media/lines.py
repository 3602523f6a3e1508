"""Lines of text: cleaning, breaking at a width, fonts for each part, measuring and drawing."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, features

from cauldron.media.bidi import right_to_left, visual_runs
from cauldron.media.fonts import face, face_for, sized
from cauldron.media.images import ImageError

_LONG_CHARS = 300
_MAX_CLUSTER_CHARS = 12
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
    """A part of a line in one face, `x` pixels from the line's left end.

    Without a direction its letters stand one beside the other; with one they are shaped.
    """

    text: str
    face: str
    size_px: int
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
    ascent, descent = _metrics(f"{font.family}_Regular", font.size_px)
    for piece, from_right in _directed(text, rtl):
        faces = _faced(piece, font)
        for part, name in reversed(faces) if from_right else faces:
            shaped = needs_shaping(part, from_right)
            direction = ("rtl" if from_right else "ltr") if shaped else None
            run = Run(text=part, face=name, size_px=font.size_px, x=x, direction=direction)
            runs.append(run)
            width, up, down = _extent(run)
            ascent, descent = max(ascent, up), max(descent, down)
            x += width
    return Line(text=text, runs=tuple(runs), width=x, ascent=ascent, descent=descent)


def draw_line(draw: ImageDraw.ImageDraw, line: Line, x: float, top: int, fill: int) -> None:
    """Draw a line with its left end at `x` and its upper edge at `top`."""
    base = top + line.ascent
    for run in line.runs:
        pen = x + run.x
        if run.direction:
            font = sized(run.face, run.size_px, True)
            draw.text((pen, base), run.text, fill, font, anchor="ls", direction=run.direction)
            continue
        for glyph in map(_glyphs(run.face, run.size_px).__getitem__, run.text):
            if glyph.ink:
                draw.bitmap((round(pen) + glyph.left, base + glyph.top), glyph.ink, fill)
            pen += glyph.advance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glyph:
    """A drawn letter: its picture, the place of that against pen and baseline, its advance."""

    ink: Image.Image | None
    left: int
    top: int
    advance: float


class _Glyphs(dict[str, _Glyph]):
    """Letters of a face at a size, drawn when first asked for."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        super().__init__()
        self._font = font

    def __missing__(self, char: str) -> _Glyph:
        left, top, right, bottom = map(round, self._font.getbbox(char, anchor="ls"))
        ink = None
        if right > left and bottom > top:
            ink = Image.new("L", (right - left, bottom - top), 0)
            ImageDraw.Draw(ink).text((-left, -top), char, 255, self._font, anchor="ls")
        advance = self._font.getlength(char)
        glyph = self[char] = _Glyph(ink=ink, left=left, top=top, advance=advance)
        return glyph


@functools.lru_cache(maxsize=256)
def _glyphs(face: str, size_px: int) -> _Glyphs:
    return _Glyphs(sized(face, size_px, False))


@functools.lru_cache(maxsize=256)
def _metrics(face: str, size_px: int) -> tuple[int, int]:
    return sized(face, size_px, False).getmetrics()


def _extent(run: Run) -> tuple[float, int, int]:
    """Return width, ascent and descent of a run in pixels."""
    ascent, descent = _metrics(run.face, run.size_px)
    if run.direction is None:
        glyphs = _glyphs(run.face, run.size_px)
        return sum(glyphs[char].advance for char in run.text), ascent, descent
    font = sized(run.face, run.size_px, True)
    _, top, _, bottom = font.getbbox(run.text, anchor="ls", direction=run.direction)
    width = font.getlength(run.text, direction=run.direction)
    return width, max(ascent, round(-top + 0.5)), max(descent, round(bottom + 0.5))


def _directed(text: str, rtl: bool) -> list[tuple[str, bool]]:
    if not rtl and (text.isascii() or not any(map(_from_right, text))):
        return [(text, False)]
    return visual_runs(text, rtl)


def _from_right(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL", "AN")


@functools.lru_cache(maxsize=1 << 14)
def needs_shaping(text: str, from_right: bool = False) -> bool:
    """Say whether letters must be joined, reordered, mirrored or stacked to be drawn right.

    Raises:
        ImageError: text_shaping_missing, when they must and Pillow cannot.
    """
    if not from_right and (text.isascii() or not any(map(_is_complex, text))):
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
    if last and not cluster[0].isalnum() and face(last).covers(cluster):
        return last
    return face_for(cluster, font.family, font.bold).name


def clusters(text: str) -> Iterator[str]:
    """Split text where it may be cut without tearing marks, joiners or conjuncts from letters.

    A pile of more than a dozen marks is cut.
    """
    held = ""
    for char in text:
        joins = unicodedata.category(char)[0] == "M" or char in _JOINERS
        conjunct = held and (held[-1] in _JOINERS or unicodedata.combining(held[-1]) == 9)
        if held and ((not joins and not conjunct) or len(held) == _MAX_CLUSTER_CHARS):
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
        stripped = paragraph.strip()
        if one_line_width(stripped, font, rtl) <= width:
            lines.append(typeset(stripped, font, rtl))
        else:
            lines += (typeset(words, font, rtl) for words in _broken(stripped, font, width))
    return tuple(lines)


def one_line_width(text: str, font: Font, rtl: bool) -> float:
    """Return the width of a text on one line; very long ones are not shaped to find it."""
    return advance(text, font) if len(text) > _LONG_CHARS else typeset(text, font, rtl).width


def _broken(paragraph: str, font: Font, width: float) -> Iterator[str]:
    held, held_width = "", 0.0
    for token in _tokens(paragraph):
        token_width = advance(token.rstrip(), font)
        if held.strip() and held_width + token_width > width:
            yield held.strip()
            held, held_width = "", 0.0
        if token_width > width:
            *heads, token = _pieces(token, font, width)
            yield from heads
        held += token
        held_width += advance(token, font)
    if held.strip():
        yield held.strip()


def _pieces(token: str, font: Font, width: float) -> Iterator[str]:
    """Cut a word into pieces that fit, each of at least one cluster."""
    held: list[str] = []
    held_width = 0.0
    for cluster in clusters(token):
        cluster_width = advance(cluster.rstrip(), font)
        if held and held_width + cluster_width > width:
            yield "".join(held)
            held, held_width = [], 0.0
        held.append(cluster)
        held_width += cluster_width
    if held:
        yield "".join(held)


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
        found = list(group)
        for piece in found if wide else ["".join(found)]:
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
    return sum(map(_widths(font).__getitem__, text))


class _Widths(dict[str, float]):
    """Widths of single letters in a font, each from the face that has it."""

    def __init__(self, font: Font) -> None:
        super().__init__({"\n": 0.0})
        self._font = font

    def __missing__(self, char: str) -> float:
        name = face_for(char, self._font.family, self._font.bold).name
        width = self[char] = _glyphs(name, self._font.size_px)[char].advance
        return width


@functools.lru_cache(maxsize=256)
def _widths(font: Font) -> _Widths:
    return _Widths(font)
