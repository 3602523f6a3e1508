"""A page as a flat list of tags and texts in reading order, made in bounded time.

The parser follows the HTML standard, which is quadratic in the depth of nesting and in the number
of attributes of a tag; both are bounded in the text before it is parsed. The tree is read from its
serialised form, where every element is closed, so that ends and parents are found by sorting: a
walk over nodes in Python would cost ten times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from selectolax.lexbor import LexborHTMLParser

from cauldron.media import html_tags as tags_of
from cauldron.media.html_bounds import VOID, bounded
from cauldron.media.html_pieces import (
    BETWEEN,
    Bools,
    Ints,
    Pieces,
    Texts,
    between,
    compiled_passes,
    cut,
)
from cauldron.media.html_tags import (
    ALONE,
    CLOSE,
    FIGCAPTION,
    FIGURE,
    NEVER,
    NOTE,
    OPEN,
    PLAIN,
    PRE,
    RAW,
)
from cauldron.media.limits import LIMITS, Limits

_MAX_TEXT_NODES = 1_000
_SELF_CLOSED = re.compile(rb"<([a-zA-Z][\w:.\x80-\xff-]*)(?:\s[^<>]*)?")
_VOID_HEADS = tuple(f"<{name} ".encode() for name in sorted(VOID))
_XHTML = re.compile(rb"\s*<\?xml\b|\s*<!DOCTYPE[^>]*\bXHTML\b", re.IGNORECASE)
_IS_SPACE = np.zeros(1 << 16, np.bool_)
_IS_SPACE[list(map(ord, " \t\n\r\f\x85\xa0\u2028\u2029"))] = True


@dataclass(eq=False)
class Tree:
    """The tags of a page in reading order, and the texts between them.

    Args:
        page: the page as the parser writes it, in UTF-8.
        heads, tails: where each tag begins and ends in it, without its angle brackets.
        kinds: bits of each tag (`html_tags`); of an end tag those of its element, with CLOSE.
        ends: of a start tag the place of its end tag, of others their own place.
        texts: [number of tags + 1], the text in front of each tag and the last one.
        written: all texts at once.
        order: which of these each text is, -1 for none.
        cut: whether the page has more nodes than the limit.
        compiled: whether what follows is done by `html_compiled` as well.
    """

    page: bytes
    heads: Ints
    tails: Ints
    kinds: Ints
    ends: Ints
    texts: list[str]
    written: Texts
    order: Ints = field(default_factory=lambda: np.arange(0))
    cut: bool = False
    compiled: bool = False
    _attrs: dict[int, Mapping[str, str]] = field(default_factory=dict, init=False, repr=False)
    _having: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def starts(self) -> Ints:
        """The bits of start tags, 0 for all others."""
        return np.where(has(self.kinds, OPEN), self.kinds, 0)

    @cached_property
    def filled(self) -> Ints:
        """Whether texts with collapsed white space are empty (0), a space (1), or more (2)."""
        return self.in_order(self.written.filled)

    @cached_property
    def letters(self) -> Ints:
        """How many characters of each text are no spaces."""
        return self.in_order(self.written.letters)

    def in_order(self, values: Ints) -> Ints:
        """Return what is known of what is written for the texts of the tree."""
        return np.where(self.order >= 0, values[self.order], 0)

    def as_written(self, places: list[int]) -> list[str]:
        """Return texts as they stand in the page."""
        texts = self.written.source.decode().split(BETWEEN)
        return [texts[number] if number >= 0 else "" for number in self.order[places].tolist()]

    @cached_property
    def parents(self) -> list[int]:
        """The place of the parent of each start tag, -1 for a root."""
        if self.compiled:
            parents: list[int] = compiled_passes().parents_of(self.kinds).tolist()
            return parents
        kinds, size = self.kinds, len(self.kinds)
        alone = has(kinds, ALONE)
        nests = np.where(alone, 0, (self.starts > 0).astype(np.int64) - has(kinds, CLOSE))
        level = np.cumsum(nests) - nests  # how many elements stand around a start tag
        opened = np.flatnonzero(self.starts)
        holders = opened[~alone[opened]]
        order = holders[np.argsort(level[holders], kind="stable")]
        keys = (level[order] + 1) * size + order
        found = np.searchsorted(keys, level[opened] * size + opened) - 1
        parent = order[np.maximum(found, 0)] if len(order) else np.zeros(len(opened), np.int64)
        is_root = (found < 0) | (level[opened] <= 0)
        out = np.full(size, -1)
        out[opened] = np.where(is_root, -1, parent)
        return out.tolist()

    def having(self, bits: int) -> list[int]:
        """Return the places of start tags that have one of some bits."""
        if bits not in self._having:
            self._having[bits] = np.flatnonzero(self.starts & bits).tolist()
        return self._having[bits]

    def tag(self, place: int) -> str:
        """Return a tag as the parser writes it, without angle brackets."""
        return self.page[self.heads[place] : self.tails[place]].decode()

    def name(self, place: int) -> str:
        """Return the name of a tag."""
        name, _, _ = self.page[self.heads[place] : self.tails[place]].partition(b" ")
        return name.decode()

    def raw(self, place: int) -> str:
        """Return the attributes of a tag as written, a blank in front."""
        _, space, raw = self.tag(place).partition(" ")
        return space + raw

    def attrs(self, place: int) -> Mapping[str, str]:
        """Return the attributes of a tag by lower-case name."""
        if place not in self._attrs:
            self._attrs[place] = tags_of.attributes(self.raw(place))
        return self._attrs[place]

    def ancestors(self, place: int) -> Iterator[int]:
        """Yield the places of the parents of a start tag, the nearest first."""
        parents = self.parents
        place = parents[place]
        while place >= 0:
            yield place
            place = parents[place]

    @cached_property
    def numbers(self) -> Ints:
        """The number of each text among all start tags and texts that there are."""
        filled = np.fromiter(map(bool, self.texts), np.int64, len(self.texts))
        return np.cumsum(filled + np.append(0, self.starts > 0)) - 1

    def within(self, place: int, most: int) -> int:
        """Return how far the first nodes of an element reach: the place behind their last text."""
        end = int(self.ends[place])
        if 2 * (end - place) >= most:
            past = self.numbers[place] + 1 + most
            end = min(end, int(np.searchsorted(self.numbers, past)) - 1)
        return end + 1

    def text_of(self, place: int) -> str:
        """Return the text in an element, white space collapsed; of a vast one its beginning."""
        return " ".join(
            "".join(self.texts[place + 1 : self.within(place, _MAX_TEXT_NODES)]).split()
        )


def read_tree(html: str | bytes, limits: Limits = LIMITS, *, simplify: bool = False) -> Tree:
    """Parse a page.

    Elements nested deeper than `max_html_depth` are left out, their text and pictures stay. The
    caption of a figure stands behind its other children.

    Args:
        html: the page, bytes in UTF-8.
        simplify: leave out what nobody sees, and the tags of inline elements that mean nothing;
            collapse white space.
    """
    html = html if isinstance(html, bytes) else html.encode(errors="ignore")
    if _XHTML.match(html):
        html = _with_end_tags(html)
    parser = LexborHTMLParser(bounded(html, limits.max_html_depth))
    if simplify:
        parser.strip_tags(["template", "style", "iframe"], recursive=True)
        for script in parser.css('script:not([type^="math/tex"])'):
            script.decompose()
    tree = _nested(cut(parser.html or ""), limits.max_html_depth, simplify)
    tree = _cut(tree, limits.max_html_nodes)
    return _captions_last(tree, " " if simplify and not tree.having(PRE) else "")


def _with_end_tags(html: bytes) -> bytes:
    """Give elements of XHTML that are closed in themselves an end tag, as HTML needs it."""
    *pieces, last = html.split(b"/>")
    for number, piece in enumerate(pieces):
        start = piece.rfind(b"<")
        end = b"/>"
        if not piece.startswith(_VOID_HEADS, start):
            tag = _SELF_CLOSED.fullmatch(piece, start)
            if tag and tag[1].lower().decode() not in VOID:
                end = b"></%b>" % tag[1]
        pieces[number] = piece + end
    return b"".join([*pieces, last])


def _nested(pieces: Pieces, max_depth: int, simplify: bool) -> Tree:
    """Find the ends of elements; leave out what means nothing, joining the texts around it."""
    if pieces.compiled:
        known, texts, ends = compiled_passes().nested(pieces.kinds, max_depth, simplify)
        return _of_known(pieces, ends, known, texts, simplify)
    kinds, size = pieces.kinds, len(pieces.kinds)
    closes = has(kinds, CLOSE)
    opens = has(kinds, OPEN) & ~has(kinds, ALONE)
    depth = np.cumsum(opens.astype(np.int64) - closes)
    ends = _ends(opens, closes, depth + closes)
    left = opens & (depth > max_depth + 1) & ~has(kinds, RAW | NEVER if simplify else RAW)
    if simplify:
        left |= has(kinds, PLAIN)
    known = ~(has(kinds, NOTE) | left | closes)
    paired = np.flatnonzero(opens & ~left & (ends < size))
    known[ends[paired]] = True
    kinds[ends[paired]] = (kinds[paired] & ~OPEN) | CLOSE
    texts = np.ones(size + 1, np.bool_)
    if simplify:
        _leave_out(np.flatnonzero(has(kinds, OPEN) & has(kinds, NEVER)), ends, known, texts)
    return _of_known(pieces, ends, known, texts, simplify)


def _ends(opens: Bools, closes: Bools, level: Ints) -> Ints:
    """Return where elements end: at each level of nesting start tags and end tags take turns."""
    ends = np.arange(len(opens))
    ends[opens] = len(opens)
    nesting = np.flatnonzero(opens | closes)
    level = level[nesting]
    small = np.abs(level).max(initial=0) < np.iinfo(np.int16).max  # these are sorted at once
    order = np.argsort(level.astype(np.int16) if small else level, kind="stable")
    level, order = level[order], nesting[order]
    paired = opens[order[:-1]] & closes[order[1:]] & (level[:-1] == level[1:])
    ends[order[:-1][paired]] = order[1:][paired]
    return ends


def _leave_out(starts: Ints, ends: Ints, known: Bools, texts: Bools) -> None:
    """Leave out elements with all that is in them."""
    last = -1
    for place in starts.tolist():
        if place > last and known[place]:
            last = min(int(ends[place]), len(known) - 1)
            known[place : last + 1] = False
            texts[place + 1 : last + 1] = False


def _of_known(pieces: Pieces, ends: Ints, known: Bools, texts: Bools, collapse: bool) -> Tree:
    """Leave out tags that are not known, and join the texts around them."""
    number = np.append(np.cumsum(known) - 1, known.sum())
    written = between(pieces, texts, known, collapse)
    return Tree(
        page=pieces.page,
        heads=pieces.heads[known],
        tails=pieces.tails[known],
        kinds=pieces.kinds[known],
        ends=number[ends[known]],
        texts=written.shown.decode().split(BETWEEN),
        written=written,
        order=np.arange(number[-1] + 1),
        compiled=pieces.compiled,
    )


def _cut(tree: Tree, most: int) -> Tree:
    """Leave out what stands behind the node at the limit."""
    if len(tree.kinds) + len(tree.texts) < most:
        return tree
    over = np.flatnonzero((tree.numbers[:-1] + 2 >= most) & (tree.starts > 0))
    if not len(over):
        return tree
    size = int(over[0]) + 1
    ends = np.minimum(tree.ends[:size], size)
    return Tree(
        page=tree.page,
        heads=tree.heads[:size],
        tails=tree.tails[:size],
        kinds=tree.kinds[:size],
        ends=ends,
        texts=[*tree.texts[:size], ""],
        written=tree.written,
        order=np.append(tree.order[:size], -1),
        cut=True,
        compiled=tree.compiled,
    )


def _captions_last(tree: Tree, blank: str) -> Tree:
    """Move the captions of figures behind their other children.

    Args:
        blank: a text that may stay behind a caption.
    """
    figures: set[int] = set()
    for caption in tree.having(FIGCAPTION):
        figure, end = tree.parents[caption], int(tree.ends[caption])
        if figure < 0 or not tree.kinds[figure] & FIGURE or end == len(tree.kinds):
            continue
        if tree.texts[end + 1] not in ("", blank) or end + 1 != tree.ends[figure]:
            figures.add(figure)
    if not figures:
        return tree
    order, texts = list(range(len(tree.kinds))), list(range(len(tree.texts)))
    for figure in sorted(figures, reverse=True):  # those inside others first
        _move_captions(tree, figure, order, texts)
    return _reordered(tree, np.array(order), np.array(texts))


def _move_captions(tree: Tree, figure: int, order: list[int], texts: list[int]) -> None:
    """Move the captions of one figure; -1 stays in the place of each."""
    moved: list[int] = []
    moved_texts: list[int] = []
    out: list[int] = []
    out_texts: list[int] = []
    place, end = figure + 1, int(tree.ends[figure])
    while place < len(order) and order[place] != end:
        tag = order[place]
        last = place
        if tag >= 0 and (close := int(tree.ends[tag])) != tag:
            last = order.index(close, place) if close < len(tree.kinds) else len(order) - 1
        if tag >= 0 and tree.kinds[tag] & FIGCAPTION:
            moved += order[place : last + 1]
            moved_texts += [-1, *texts[place + 1 : last + 1]]
            out.append(-1)
            out_texts.append(texts[place])
        else:
            out += order[place : last + 1]
            out_texts += texts[place : last + 1]
        place = last + 1
    moved_texts.append(-1)
    moved_texts[0] = texts[place]
    order[figure + 1 : place] = out + moved
    texts[figure + 1 : place + 1] = out_texts + moved_texts


def _reordered(tree: Tree, order: Ints, texts: Ints) -> Tree:
    number = np.full(len(tree.kinds) + 1, len(order))
    there = order >= 0
    number[order[there]] = np.flatnonzero(there)
    return Tree(
        page=tree.page,
        heads=np.where(there, tree.heads[order], 0),
        tails=np.where(there, tree.tails[order], 0),
        kinds=np.where(there, tree.kinds[order], 0),
        ends=np.where(there, number[tree.ends[order]], np.arange(len(order))),
        texts=[tree.texts[text] if text >= 0 else "" for text in texts.tolist()],
        written=tree.written,
        order=np.where(texts >= 0, tree.order[texts], -1),
        cut=tree.cut,
        compiled=tree.compiled,
    )


def collapsed(text: str) -> str:
    """Return text with one space for white space, also at its ends."""
    try:
        coding, octets = "latin-1", text.encode("latin-1")
        units: npt.NDArray[Any] = np.frombuffer(octets, np.uint8)
    except UnicodeEncodeError:
        coding = "utf-16-le"
        units = np.frombuffer(text.encode(coding, "surrogatepass"), "<u2")
    space = _IS_SPACE[units]
    keep = ~space
    keep[1:] |= ~space[:-1]
    keep[:1] = True
    written: bytes = np.where(space, units.dtype.type(ord(" ")), units)[keep].tobytes()
    return written.decode(coding, "surrogatepass")


def has(kinds: Ints, bits: int) -> Bools:
    """Say which tags have one of some bits."""
    found: Bools = (kinds & bits) != 0
    return found
