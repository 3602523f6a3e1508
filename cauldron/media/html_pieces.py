"""A page as the parser writes it, cut into tags and the texts between them.

Nothing is cut out as long as nobody asks for it: where tags begin and end is found over the bytes
of the whole page, and short tags are known by their eight bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.compiled import compiled
from cauldron.media.html_tags import KNOWN_NAMES, RAW, TAGS, TELLING_WORDS, unescaped_bytes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]

BETWEEN = "\0"
"""Stands between texts; it is not in them, since control characters are taken out."""
_CONTROL_BYTES = bytes((*range(9), 0x0B, *range(0x0E, 0x20), 0x7F))
_LATE_CONTROLS = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
_SPACE = ord(" ")
_FIRST_WIDE, _WIDE_LEADS = 0xE1, 3
_IS_WIDE_SPACE = np.zeros(_WIDE_LEADS << 16, np.bool_)
"""Of the bytes of U+1000 to U+3FFF, less those of the first, whether they are white space."""
for _space in (0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
    _IS_WIDE_SPACE[int.from_bytes(chr(_space).encode()) - (_FIRST_WIDE << 16)] = True
_NAMED_RAW = "script|xmp|noframes|noembed|plaintext|style|iframe"
_ODD = re.compile(
    rf"<!--.*?-->|<(?P<raw>(?P<name>{_NAMED_RAW})(?=[\s>])[^>]*)>(?P<source>.*?)</(?P=name)>"
    r"|<[^>]*>|[<>]",
    re.DOTALL,
)
_BRACKETS = np.uint8(~(ord("<") ^ ord(">")) & 0xFF)
_FEW_PAGES = 100  # read before compiled code is loaded, which takes as long
_SHORT = 8
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(_SHORT + 1)], np.uint64)
_SLOT_BITS = np.uint64(64 - 13)
_ODD_FACTOR = np.uint64(0x1E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Where the tags of a page stand.

    Args:
        page: the page in UTF-8, without comments.
        heads, tails: where each tag begins and ends, without its angle brackets.
        kinds: bits of each tag (`html_tags`).
        compiled: whether what follows is done by `html_compiled` as well.
    """

    page: bytes
    heads: Ints
    tails: Ints
    kinds: Ints
    compiled: bool


@dataclass(eq=False)
class Texts:
    """Texts in UTF-8 with `BETWEEN` between them.

    Args:
        source: as they stand in the page.
        shown: with white space collapsed.
    """

    source: bytes
    shown: bytes

    @cached_property
    def filled(self) -> Ints:
        """Whether what is shown is empty (0), a space (1), or more (2)."""
        return filled_of(self.shown)

    @cached_property
    def letters(self) -> Ints:
        """How many characters are no blanks."""
        return letters_of(self.source)

    @cached_property
    def words(self) -> Ints:
        """How many words there are."""
        return words_of(self.shown)


def compiled_passes() -> Any:
    """Return the passes compiled by numba, or None where that cannot be."""
    return compiled("cauldron.media.html_compiled")


@cache
def _telling() -> Bools:
    table: Bools = compiled_passes().hashes_of(TELLING_WORDS)
    return table


_pages = itertools.count()


def cut(written: str) -> Pieces:
    """Cut a page as the parser writes it; the parser escapes brackets except in raw texts."""
    page = written.encode()
    if next(_pages) > _FEW_PAGES and compiled_passes():
        pieces = cut_compiled(page)
        if pieces is None and _may_have_controls(page):
            page = _without_controls(page)
            pieces = cut_compiled(page)
        if pieces and not (pieces.kinds & RAW).any():
            return pieces
    return cut_over_arrays(page)


def cut_compiled(page: bytes) -> Pieces | None:
    """Return the tags of a page as `cut_over_arrays` does; None for an irregular one."""
    letters = np.frombuffer(page + bytes(_SHORT), np.uint8)
    known = _KNOWN.names, _KNOWN.kinds, _KNOWN.factor, _SLOT_BITS
    passes = compiled_passes()
    heads, tails, kinds, others, is_regular = passes.tags_of(letters, *known)
    if not is_regular:
        return None
    told, bounds = passes.told_tags(letters, heads, tails, others, _telling())
    firsts, same = passes.same_tags(told, bounds[:-1], bounds[1:], np.arange(len(others)))
    kinds[others] = _looked_up(told.tobytes(), bounds[firsts], bounds[firsts + 1])[same]
    return Pieces(page, heads, tails, kinds, True)


def cut_over_arrays(page: bytes) -> Pieces:
    """Return the tags of a page in UTF-8."""
    if _may_have_controls(page):
        page = _without_controls(page)
    plain, marks = _marked(page)
    if _take_turns(plain, marks):
        pieces = _pieces(plain, marks)
        if not (pieces.kinds & RAW).any():
            return pieces
    page = _ODD.sub(_regular, page.decode()).encode()
    return _pieces(page, _brackets(page))


def _may_have_controls(page: bytes) -> bool:
    """Say whether a text in UTF-8 may have control characters."""
    letters = np.frombuffer(page, np.uint8)
    low = (letters < _SPACE) ^ (letters - np.uint8(ord("\t")) < 5)
    if low.any() or b"\x0b" in page or b"\x7f" in page:
        return True
    return not page.isascii() and b"\xc2" in page and _LATE_CONTROLS.search(page) is not None


def _without_controls(page: bytes) -> bytes:
    page = page.translate(None, _CONTROL_BYTES)
    return _LATE_CONTROLS.sub(b"", page) if b"\xc2" in page else page


def _brackets(page: bytes) -> Ints:
    return np.flatnonzero(np.frombuffer(page, np.uint8) & _BRACKETS == ord("<"))


def _marked(page: bytes) -> tuple[bytes, Ints]:
    """Return a page without comments, and where its angle brackets are."""
    marks = _brackets(page)
    letters = np.frombuffer(page, np.uint8)
    notes = marks[letters[np.minimum(marks + 1, len(page) - 1)] == ord("!")].tolist()
    if any(page.startswith(b"<!--", note) for note in notes):
        page = _without_comments(page)
        marks = _brackets(page)
    return page, marks


def _take_turns(page: bytes, marks: Ints) -> bool:
    """Say whether angle brackets open and close in turn."""
    brackets = np.frombuffer(page, np.uint8)[marks]
    turns = (brackets[::2] == ord("<")).all() and (brackets[1::2] == ord(">")).all()
    return bool(turns) and len(marks) % 2 == 0


def _without_comments(page: bytes) -> bytes:
    kept = []
    at, start = 0, page.find(b"<!--")
    while start >= 0 and (end := page.find(b"-->", start + 4)) >= 0:
        kept.append(page[at:start])
        at = end + 3
        start = page.find(b"<!--", at)
    return b"".join([*kept, page[at:]])


def _regular(match: re.Match[str]) -> str:
    """Return a piece of a page without comments, stray brackets and texts that are not escaped."""
    if match["raw"] is not None:
        source = match["source"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"<{match['raw'].replace('<', '&lt;')}>{source}</{match['name']}>"
    piece = match[0]
    if len(piece) == 1:
        return "&lt;" if piece == "<" else "&gt;"
    if piece.startswith("<!--") and piece.endswith("-->"):
        return ""
    return "<" + piece[1:].replace("<", "&lt;")  # names of attributes may hold them


def _pieces(page: bytes, marks: Ints) -> Pieces:
    """Return the tags with their bits: of short ones by their bytes, of others one by one."""
    heads, tails = marks[::2] + 1, marks[1::2]
    octets = np.ndarray((len(page) + 1,), "<u8", page + bytes(_SHORT), strides=(1,))
    lengths = tails - heads
    short = octets[heads] & _FIRST_BYTES[np.minimum(lengths, _SHORT)]
    slots = _KNOWN.slots(short)
    kinds = _KNOWN.kinds[slots]
    others = np.flatnonzero((_KNOWN.names[slots] != short) | (lengths > _SHORT))
    kinds[others] = _looked_up(page, heads[others], tails[others])
    return Pieces(page, heads, tails, kinds, False)


def _looked_up(page: bytes, heads: Ints, tails: Ints) -> Ints:
    """Return the bits of tags that are not known by their bytes, one by one."""
    places = zip(heads.tolist(), tails.tolist(), strict=True)
    tags = [page[head:tail] for head, tail in places]
    return np.fromiter(map(TAGS.__getitem__, tags), np.int64, len(tags))


class _Known:
    """The bits of short tags without attributes, in a table by a product of their bytes."""

    def __init__(self, names: Iterable[bytes]) -> None:
        short = [name for name in names if len(name) <= _SHORT]
        keys = np.array([int.from_bytes(name, "little") for name in short], np.uint64)
        self.factor = _ODD_FACTOR
        while len(np.unique(self.slots(keys))) < len(keys):
            self.factor += _ODD_FACTOR + _ODD_FACTOR
        self.names = np.zeros(1 << 64 - int(_SLOT_BITS), np.uint64)
        self.kinds = np.zeros(len(self.names), np.int64)
        self.names[self.slots(keys)] = keys
        self.kinds[self.slots(keys)] = [TAGS[name] for name in short]

    def slots(self, names: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Return the place in the table of each name."""
        return (names * self.factor) >> _SLOT_BITS


_KNOWN = _Known(KNOWN_NAMES)


def between(pieces: Pieces, texts: Bools, known: Bools, collapse: bool) -> Texts:
    """Return texts, with `BETWEEN` for each tag that is known; others join the texts around them.

    Args:
        texts: [number of tags + 1], which texts are kept.
    """
    if pieces.compiled:
        letters = np.frombuffer(pieces.page + bytes(_SHORT), np.uint8)
        source, shown, *facts = compiled_passes().texts_of(
            letters, pieces.heads, pieces.tails, known, texts
        )
        out = Texts(source.tobytes(), (shown if collapse else source).tobytes())
        out.letters, out.filled, out.words = facts
        return out
    bounds = np.empty(2 * len(known) + 2, np.int64)
    bounds[0], bounds[-1] = 0, len(pieces.page)
    bounds[1:-1:2], bounds[2:-1:2] = pieces.heads - 1, pieces.tails + 1
    kept = np.zeros(2 * len(known) + 1, np.bool_)
    kept[::2] = texts
    mask = np.repeat(kept, np.diff(bounds))
    letters = np.frombuffer(pieces.page, np.uint8).copy()
    places = pieces.heads[known] - 1
    letters[places] = 0
    mask[places] = True
    source = unescaped_bytes(letters[mask].tobytes())
    return Texts(source, collapsed_bytes(source) if collapse else source)


def collapsed_bytes(octets: bytes) -> bytes:
    """Return text in UTF-8 with one space for white space, also at its ends."""
    letters = np.frombuffer(octets, np.uint8)
    space = letters - np.uint8(ord("\t")) <= _SPACE - ord("\t")
    if not octets.isascii():
        _mark_rare_spaces(letters, space)
    keep = ~space
    keep[1:] |= ~space[:-1]
    keep[:1] = True
    kept = letters[keep]
    kept[space[keep]] = _SPACE
    out: bytes = kept.tobytes()
    return out


def _mark_rare_spaces(letters: Octets, space: Bools) -> None:
    """Mark the bytes of U+0085, U+00A0, U+2028 and U+2029 as spaces."""
    pairs = np.flatnonzero(letters[:-1] == 0xC2)
    pairs = pairs[np.isin(letters[pairs + 1], (0x85, 0xA0))]
    space[pairs] = space[pairs + 1] = True
    thirds = np.flatnonzero(letters[2:] | 1 == 0xA9) + 2
    thirds = thirds[(letters[thirds - 1] == 0x80) & (letters[thirds - 2] == 0xE2)]
    for back in range(3):
        space[thirds - back] = True


def filled_of(octets: bytes) -> Ints:
    """Return whether texts with `BETWEEN` between them are empty (0), a space (1), or more (2).

    Their white space is collapsed.
    """
    letters = np.frombuffer(octets + b"\0", np.uint8)
    ends = np.flatnonzero(letters == 0)
    many = np.diff(ends, prepend=-1) - 1
    blank = (many == 1) & (letters[ends - 1] == _SPACE)
    return np.where(blank, 1, np.minimum(2 * many, 2))


def letters_of(octets: bytes) -> Ints:
    """Return how many characters of each of some texts are no spaces."""
    letters = np.frombuffer(octets + b"\0", np.uint8)
    starts = np.append(0, np.flatnonzero(letters == 0)[:-1] + 1)
    counted = letters != _SPACE
    if not octets.isascii():
        counted &= letters.view(np.int8) > -65  # the first byte of a character
    return np.add.reduceat(counted, starts, dtype=np.int64) - 1


def words_of(octets: bytes) -> Ints:
    """Return how many words each of some texts has."""
    letters = np.frombuffer(octets + b"\0", np.uint8)
    starts = np.append(0, np.flatnonzero(letters == 0)[:-1] + 1)
    parts = letters <= _SPACE
    wide = np.flatnonzero(letters - np.uint8(_FIRST_WIDE) < _WIDE_LEADS)
    if len(wide):
        codes = (letters[wide].astype(np.int64) - _FIRST_WIDE) << 16
        codes += (letters[wide + 1].astype(np.int64) << 8) + letters[wide + 2]
        wide = wide[_IS_WIDE_SPACE[codes]]
        parts[wide] = parts[wide + 1] = parts[wide + 2] = True
    begun = ~parts
    begun[1:] &= parts[:-1]
    return np.add.reduceat(begun, starts, dtype=np.int64)
