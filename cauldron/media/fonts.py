"""Fonts for drawing text of any script, from packages first, then from the system.

The order is fixed so that the same text is drawn alike everywhere: the fonts of `pymupdf-fonts`
(FiraGO, Noto Sans, Ubuntu, symbols), then the Noto fonts inside PyMuPDF where the extra
`cauldron[pdf]` is installed (Chinese, Japanese, Korean, Bengali, Tamil, Ethiopic, ...), then font
files in the usual folders. Nothing is fetched. A character that no font has is an error.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import io
import os
import struct
import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import ImageFont

from cauldron.errors import StorageError
from cauldron.media.images import ImageError

FAMILIES = ("FiraGO", "NotoSans", "Ubuntu")
"""Families with a regular and a bold face; FiraGO has Arabic, Hebrew, Thai and Devanagari too."""

_SYMBOLS = ("NotoSansSymbols_Regular", "NotoSansSymbols2_Regular", "NotoSansMath_Regular")
_HAN = ("CJK", "IDEOGRAPHIC", "KANGXI", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH")
_MAX_FONT_BYTES = 200_000_000
_SUFFIXES = (".ttf", ".otf", ".ttc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A font file in memory and the code points it has a glyph for."""

    name: str
    content: bytes = field(repr=False)
    covered: frozenset[int] = field(repr=False)

    def covers(self, text: str) -> bool:
        """Say whether every character of a text has a glyph."""
        return all(ord(char) in self.covered for char in text)


@functools.lru_cache(maxsize=256)
def sized(name: str, size_px: int, shaped: bool) -> ImageFont.FreeTypeFont:
    """Return a face at a size; `shaped` joins and reorders letters as complex scripts need."""
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(io.BytesIO(face(name).content), size_px, layout_engine=engine)


@functools.cache
def face(name: str) -> Face:
    """Return a face by name: `FiraGO_Bold` of the package, `script:TAMIL`, or a font file.

    Raises:
        StorageError: if the package of fonts is not installed.
    """
    if name.startswith("script:"):
        content = _script_font(name.removeprefix("script:"))
    elif name.endswith(_SUFFIXES):
        content = Path(name).read_bytes()
    else:
        content = _packaged_font(name)
    return Face(name=name, content=content, covered=covered_by(content))


@functools.lru_cache(maxsize=1 << 16)
def face_for(cluster: str, family: str, bold: bool) -> Face:
    """Return the first face of the chain that has every character of a cluster.

    Raises:
        ImageError: glyph_missing, when no font has them all.
    """
    for name in _chain(family, bold):
        if face(name).covers(cluster):
            return face(name)
    if importlib.util.find_spec("pymupdf"):
        for script in _scripts(cluster):
            found = face(f"script:{script}")
            if found.covers(cluster):
                return found
    for path in system_fonts():
        if set(map(ord, cluster)) <= _file_covers(path):
            return face(path)
    named = ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in cluster)
    raise ImageError("glyph_missing", f"no font has {named}; install one, or cauldron[pdf]")


def _chain(family: str, bold: bool) -> tuple[str, ...]:
    weights = ("Bold", "Regular") if bold else ("Regular",)
    families = (family, *(f for f in ("FiraGO", "NotoSans") if f != family))
    return (*(f"{f}_{weight}" for weight in weights for f in families), *_SYMBOLS)


def _packaged_font(name: str) -> bytes:
    try:
        module = importlib.import_module(f"pymupdf_fonts.{name}")
    except ImportError as error:
        raise StorageError(
            "the package of fonts is not installed",
            place=f"pymupdf_fonts.{name}",
            hint="pip install pymupdf-fonts",
        ) from error
    return bytes(module.fontbuffer)


def _scripts(cluster: str) -> list[str]:
    """Return names of scripts in PyMuPDF's spelling, by the Unicode names of the characters."""
    found: list[str] = []
    for char in cluster:
        words = unicodedata.name(char, "").replace("-", " ").split()
        if not words or unicodedata.category(char)[0] == "C":
            continue
        guesses = ["HAN"] if words[0] in _HAN else ["_".join(words[:2]), words[0]]
        found += [g for g in guesses if g not in found and _script_number(g) is not None]
    return found


def _script_number(script: str) -> int | None:
    return getattr(importlib.import_module("pymupdf").mupdf, f"UCDN_SCRIPT_{script}", None)


def _script_font(script: str) -> bytes:
    pymupdf = importlib.import_module("pymupdf")
    try:
        return bytes(pymupdf.Font(script=_script_number(script)).buffer)
    except (RuntimeError, ValueError, AttributeError, TypeError):
        return b""  # PyMuPDF has no font of this script


@functools.cache
def system_fonts() -> tuple[str, ...]:
    """Return font files in the usual folders, plain faces first, then by name."""
    home = Path.home()
    folders = {
        "darwin": (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")),
        "win32": (Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",),
    }.get(
        sys.platform,
        (
            home / ".local/share/fonts",
            home / ".fonts",
            Path("/usr/local/share/fonts"),
            Path("/usr/share/fonts"),
        ),
    )
    found: list[tuple[int, bool, str]] = []
    for number, folder in enumerate(folders):
        for root, _, names in os.walk(folder):
            paths = [Path(root, name) for name in names if name.lower().endswith(_SUFFIXES)]
            found += [(number, not _plain(p.stem), str(p)) for p in paths]
    return tuple(path for _, _, path in sorted(found))


def _plain(stem: str) -> bool:
    styled = ("bold", "italic", "oblique", "light", "thin", "black", "medium", "mono")
    return not any(word in stem.lower() for word in styled)


@functools.cache
def _file_covers(path: str) -> frozenset[int]:
    try:
        if Path(path).stat().st_size > _MAX_FONT_BYTES:
            return frozenset()
        return covered_by(Path(path).read_bytes())
    except OSError:
        return frozenset()


def covered_by(content: bytes) -> frozenset[int]:
    """Return the code points that a TrueType or OpenType file maps to a glyph; none if it is bad.

    From: OpenType 1.9, table `cmap`, formats 4 and 12. Of a collection the first face is read.
    """
    try:
        start = struct.unpack_from(">I", content, 12)[0] if content[:4] == b"ttcf" else 0
        count = struct.unpack_from(">H", content, start + 4)[0]
        for number in range(count):
            tag, _, offset, _ = struct.unpack_from(">4sIII", content, start + 12 + 16 * number)
            if tag == b"cmap":
                return _mapped(content, offset)
    except (struct.error, ValueError, IndexError):
        pass
    return frozenset()


def _mapped(content: bytes, cmap: int) -> frozenset[int]:
    tables: dict[int, int] = {}
    for number in range(struct.unpack_from(">H", content, cmap + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", content, cmap + 4 + 8 * number)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):
            tables[struct.unpack_from(">H", content, cmap + offset)[0]] = cmap + offset
    if 12 in tables:
        return _format_12(content, tables[12])
    return _format_4(content, tables[4]) if 4 in tables else frozenset()


def _format_12(content: bytes, at: int) -> frozenset[int]:
    count = struct.unpack_from(">I", content, at + 12)[0]
    groups = np.frombuffer(content, ">u4", 3 * count, at + 16).reshape(-1, 3)
    codes: set[int] = set()
    for first, last, glyph in groups.tolist():
        codes.update(range(first + (glyph == 0), min(last, sys.maxunicode) + 1))
    return frozenset(codes)


def _format_4(content: bytes, at: int) -> frozenset[int]:
    half = struct.unpack_from(">H", content, at + 6)[0] // 2
    ends, starts, deltas, ranges = (
        np.frombuffer(content, ">u2", half, place)
        for place in (at + 14 + 2 * half * k + 2 * (k > 0) for k in range(4))
    )
    offsets_at = at + 16 + 6 * half
    codes: set[int] = set()
    for n, (end, first, delta, offset) in enumerate(
        zip(ends.tolist(), starts.tolist(), deltas.tolist(), ranges.tolist(), strict=True)
    ):
        if offset == 0:
            codes.update(c for c in range(first, end + 1) if (c + delta) & 0xFFFF)
        else:
            glyphs = np.frombuffer(content, ">u2", end - first + 1, offsets_at + 2 * n + offset)
            codes.update((np.nonzero(glyphs)[0] + first).tolist())
    return frozenset(codes - {0xFFFF})
