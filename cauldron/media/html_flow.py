"""Laying out a page as text and pictures: paragraphs, lists, tables, preformatted text.

White space follows CSS: it collapses across elements and is kept in `pre`. Blocks stand apart by a
blank line, list items and table rows by a line feed, cells by ` | `. What a tag does to the layout
is worked out for all tags at once, and only what is left of them is gone through one by one:
paragraphs, list items, pictures.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from cauldron.media import html_tags as of
from cauldron.media.html_boilerplate import Content, around, summed
from cauldron.media.html_pieces import BETWEEN, Bools, Ints, Octets, filled_of
from cauldron.media.html_tree import Tree, collapsed, has

Picture = TypeVar("Picture")

_LINE, _BLANK = 1, 2
_LAID_OUT = of.LINE | of.BLOCK | of.CELL | of.BREAK
_STATES = of.LIST | of.ITEM

# Marks inside a paragraph; control characters of the page itself are taken out before.
_BREAK, _CELL, _KEPT_SPACE, _KEPT_TAB = "\x0b", "\x1e", "\x1c", "\x1d"
_AS_KEPT = (
    ("\r\n", _BREAK),
    ("\n", _BREAK),
    ("\r", _BREAK),
    (" ", _KEPT_SPACE),
    ("\xa0", _KEPT_SPACE),
    ("\t", _KEPT_TAB),
)
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_INVISIBLE = "\u00ad\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
_UNCLEAN = f"{_INVISIBLE}\u200c\u200d"
_FIRST_JOINING = 0xCC  # U+0300 and what follows it may change in NFC
_MANY_JOINING = 200
_MANY_UNCLEAN = 100  # texts; to clean all at once is faster
_SPACES = re.compile(" +")
_SEPARATED = "|·•»›"
_MAX_NAVIGATION_WORDS = 50


def clean(text: str) -> str:
    """Return text in NFC without zero-width characters.

    Joiners stay between letters that are not ASCII: scripts and emoji need them.
    """
    if text.isascii():
        return text
    for mark in _INVISIBLE:
        text = text.replace(mark, "")
    if "\u200c" in text or "\u200d" in text:
        text = _JOINERS.sub("", text)
    return unicodedata.normalize("NFC", text)


def _may_be_unclean(octets: bytes) -> Ints:
    """Return where characters stand in a text in UTF-8 that `clean` may change."""
    if octets.isascii():
        return np.arange(0)
    letters = np.frombuffer(octets, np.uint8)
    hyphens = _places("\u00ad".encode(), letters)
    may_join = _may_join(letters)
    if len(may_join) > _MANY_JOINING:
        odd = letters >= 0x80
        odd[:-1] |= odd[1:]  # what a mark may join with
        text = letters[odd].tobytes().decode()
        if unicodedata.is_normalized("NFC", text):
            marks = [_places(mark.encode(), letters) for mark in _UNCLEAN if mark in text]
            return np.concatenate([hyphens, *marks])
    return np.concatenate([hyphens, may_join])


def _may_join(letters: Octets) -> Ints:
    """Return where characters stand that NFC may change, with what else is taken out from U+0300.

    Cyrillic and Chinese letters, dashes and quotation marks, signs of currencies and emoji stay.
    """
    places = np.flatnonzero((letters >= _FIRST_JOINING) & (letters & 0xFE != 0xD0))
    lead = letters[places]
    second, third = (letters[np.minimum(places + ahead, len(letters) - 1)] for ahead in (1, 2))
    stays = (lead >= 0xE4) & (lead <= 0xE9) | (lead == 0xF0) & (second == 0x9F)
    stays |= (lead == 0xE2) & ((second == 0x82) | (second == 0x80) & (third >= 0x90))
    found: Ints = places[~stays]
    return found


Step = tuple[int, int, int, int, int, int, int]
"""The place of a tag, what it does, the first of the texts in front of it that are still to be set,
how these are filled, and what stands above the next paragraph: if one ended here, in any case, and
except behind the mark of an item."""
_SPACE_ONLY, _FILLED, _PLAIN = 1, 2, 3
"""PLAIN: filled, without marks and links."""
_BREAKS, _SHOWS, _INSIDE = range(3)
_OPENS_LIST, _CLOSES_LIST, _OPENS_ITEM, _CLOSES_ITEM = (change << 2 for change in range(1, 5))
_CHANGE = 7 << 2
"""Ends a paragraph, shows a picture, or neither, inside a row; and what it changes of a list."""


class Layout:
    """What the tags of a page do to its layout, and its texts with marks in them.

    Args:
        tree, content: the page.
        pictures: places of the tags that are pictures.
        told: texts to be set at places of texts, formulas.
    """

    def __init__(self, tree: Tree, content: Content, pictures: Bools, told: dict[int, str]) -> None:
        self.tree = tree
        self.laid = content.tags & has(tree.kinds, _LAID_OUT)
        self.in_row = self._in_row()
        links = np.flatnonzero(content.tags & has(tree.starts, of.LINK))
        self.link_before = self._last(links)
        pre = np.flatnonzero(self.laid & has(tree.starts, of.PRE))
        self.kept = around(tree, pre) > 0 if len(pre) else np.zeros(len(tree.texts), np.bool_)
        self.texts, self.filled = self._texts(content, told)
        self.marks = (self.kept & (self.filled > 0)).astype(np.int64)
        linked = (self.filled > 0) & (self.link_before >= 0)
        linked[list(told)] = False
        self.linked = summed(linked)
        self.separated = self._separators(content, told)
        self._mark()
        self.steps = self._steps(pictures)

    @cached_property
    def in_heading(self) -> Bools:
        """Which texts stand in a heading."""
        heads = self.laid & has(self.tree.kinds, of.HEADING)
        last = np.maximum.accumulate(np.where(heads, np.arange(len(heads)), -1))
        return np.append(False, (last >= 0) & (self.tree.starts[last] > 0))

    def _texts(self, content: Content, told: dict[int, str]) -> tuple[list[str], Ints]:
        """Return the texts that are shown, white space collapsed or marked, and if it is all."""
        tree = self.tree
        texts, filled = tree.texts.copy(), tree.filled.copy()
        unclean = np.flatnonzero(
            self._with(_may_be_unclean(tree.written.shown)) & content.texts
        ).tolist()
        if len(unclean) > _MANY_UNCLEAN:
            shown = collapsed(clean(tree.written.source.decode()))
            unclean, all_texts = [], [*shown.split(BETWEEN), ""]
            texts = [all_texts[number] for number in tree.order.tolist()]
            filled = tree.in_order(filled_of(shown.encode()))
        for place in unclean:
            text = clean(texts[place])
            texts[place] = text = _SPACES.sub(" ", text) if "  " in text else text
            filled[place] = _SPACE_ONLY if text == " " else _FILLED if text else 0
        filled[~content.texts] = 0
        turns = np.flatnonzero(np.diff(content.texts, prepend=True, append=True)).tolist()
        for begin, end in zip(turns[::2], turns[1::2], strict=True):
            texts[begin:end] = [""] * (end - begin)
        if places := np.flatnonzero(self.kept & content.texts).tolist():
            whole = BETWEEN.join(map(clean, tree.as_written(places)))
            for place, text in zip(places, _as_kept(whole).split(BETWEEN), strict=True):
                texts[place] = text
                filled[place] = _FILLED if text else 0
        for place, text in told.items():
            text = clean(text)
            texts[place] = _as_kept(text) if self.kept[place] else collapsed(text)
            filled[place] = _FILLED if text else 0
        return texts, filled

    def _separators(self, content: Content, told: dict[int, str]) -> Ints:
        """Return in how many of the texts in front of each there is what may part links."""
        found = np.zeros(len(self.texts), np.bool_)
        if not self.linked[-1]:
            return summed(found)
        letters = np.frombuffer(self.tree.written.shown, np.uint8)
        bars = np.flatnonzero(letters == ord("|"))
        leads = np.flatnonzero((letters == 0xC2) | (letters == 0xE2) | (letters == 0xCE))
        rare = _SEPARATED[1:] + "\u0387" if len(leads) else ""
        places = [bars, *[_places(mark.encode(), letters) for mark in rare]]
        found = self._with(np.concatenate(places)) & content.texts
        for place, text in told.items():
            found[place] = any(mark in text for mark in _SEPARATED)
        return summed(found)

    def _with(self, places: Ints) -> Bools:
        """Say which texts have one of some places in what is shown."""
        if not len(places):
            return np.zeros(len(self.tree.texts), np.bool_)
        ends = np.flatnonzero(np.frombuffer(self.tree.written.shown, np.uint8) == 0)
        found = np.zeros(len(ends) + 2, np.bool_)
        found[np.searchsorted(ends, places)] = True
        return found[self.tree.order]

    def _last(self, links: Ints) -> Ints:
        """Return for each text the link that it stands in, -1 for none; the last one counts."""
        tree = self.tree
        places = np.full(len(tree.texts), -1)
        places[links + 1] = links
        places = np.maximum.accumulate(places)
        ends = tree.ends[places] if len(tree.ends) else places
        return np.where((places >= 0) & (ends >= np.arange(len(places))), places, -1)

    def _in_row(self) -> Bools:
        """Return which tags stand in a table whose rows are set on one line each."""
        tree = self.tree
        out = np.zeros(len(tree.kinds), np.bool_)
        tables = np.flatnonzero(self.laid & has(tree.starts, of.TABLE))
        if not len(tables):
            return out
        ends = np.minimum(tree.ends[tables] + 1, len(out))
        odd, paragraphs, cells = (
            (sums := summed(has(tree.starts, bits)))[ends] - sums[tables + 1]
            for bits in (of.IN_LAYOUT, of.PARAGRAPH, of.CELL)
        )
        data = (odd == 0) & (paragraphs <= cells) & ~has(tree.kinds[tables], of.FOR_LAYOUT)
        for table, end, is_data in zip(tables.tolist(), ends.tolist(), data.tolist(), strict=True):
            out[table + 1 : end] = is_data
        return out

    def _mark(self) -> None:
        """Put line breaks, cells and spaces of rows in front of the texts that follow them."""
        kinds, row = self.tree.kinds, self.in_row & self.laid
        breaks = self.laid & has(kinds, of.BREAK)
        cells = row & has(kinds, of.CELL)
        spaced = row & ~has(kinds, of.ROWS) & ~cells
        self.spaced = spaced & ~breaks
        marked = [(_BREAK, _FILLED, breaks & ~spaced)]
        if row.any():
            starts = cells & (self.tree.starts > 0)
            marked += [(" ", _SPACE_ONLY, spaced), (_CELL, _FILLED, starts)]
        for mark, filled, tags in marked:
            places = np.flatnonzero(tags) + 1
            self.filled[places] = np.maximum(self.filled[places], filled)
            self.marks[places] |= filled == _FILLED
            for place in places.tolist():
                self.texts[place] = mark + self.texts[place]
        self.ends_paragraphs = self.laid & ~breaks & ~cells & ~self.spaced

    def _changes(self) -> Ints:
        """Return what each tag would change of a list."""
        kinds, begins = self.tree.kinds, self.tree.starts > 0
        lists = np.where(begins, _OPENS_LIST, _CLOSES_LIST)
        items = np.where(begins, np.where(self.in_row, 0, _OPENS_ITEM), _CLOSES_ITEM)
        return np.where(has(kinds, of.LIST), lists, items)

    def _steps(self, pictures: Bools) -> list[Step]:
        """Return the tags that do something to the layout, several together where they can be."""
        kinds = self.tree.kinds
        states = self.laid & has(kinds, _STATES)
        does = np.where(states, self._changes(), _BREAKS)
        does[states & self.spaced] |= _INSIDE
        does[pictures] = _SHOWS
        places = np.flatnonzero(self.ends_paragraphs | states | pictures)
        if not len(places):
            return []
        does, kinds = does[places], kinds[places]
        firsts = np.append(0, places[:-1] + 1)
        filled = np.maximum.reduceat(self.filled[: places[-1] + 1], firsts)
        level = np.where(has(kinds, of.LINE), _LINE, _BLANK)
        always = np.where((filled > 0) | has(kinds, of.CELL), level, 0)
        unmarked = level - always
        in_links = np.zeros(len(places), np.bool_)
        if self.separated[-1]:
            in_links = _any(self.linked, firsts, places) & _any(self.separated, firsts, places)
        odd = in_links | (_any(summed(self.marks), firsts, places) if self.marks.any() else False)
        plain = (filled == _FILLED) & (does & ~_CHANGE == _BREAKS) & ~odd
        filled[plain] = _PLAIN
        goes_on = (does[1:] == _BREAKS) & (does[:-1] == _BREAKS) & (filled[1:] < _FILLED)
        heads = np.flatnonzero(np.append(True, ~goes_on))
        return list(
            zip(
                places[heads].tolist(),
                does[heads].tolist(),
                firsts[heads].tolist(),
                filled[heads].tolist(),
                level[heads].tolist(),
                np.maximum.reduceat(always, heads).tolist(),
                np.maximum.reduceat(unmarked, heads).tolist(),
                strict=True,
            )
        )


@dataclass(slots=True)
class _List:
    """An open list: the next number of an ordered one, and how many items it has had."""

    number: int | None
    items: int = 0


class Flow(Generic[Picture]):
    """Sets the texts and pictures of a page.

    Args:
        shown: returns what stands at a picture: itself, a text, or None.
    """

    def __init__(self, layout: Layout, shown: Callable[[int], Picture | str | None]) -> None:
        self.layout, self.shown = layout, shown
        self.parts: list[str | Picture] = []
        self.navigation_lines = 0
        self._texts: list[str] = []
        self._need = 0
        self._prefix = ""
        self._lists: list[_List] = []

    def set(self) -> list[str | Picture]:
        """Return the texts and pictures in order."""
        layout, texts = self.layout, self.layout.texts
        items: list[str | Picture] = []
        begin = following = 0
        told = False  # whether a text stands for a picture
        for place, kind, first, filled, need, always, unmarked in self.layout.steps:
            following = place + 1
            if filled:
                text = texts[place]
                if first != place:
                    text = "".join(texts[first:following])
                    if "  " in text:
                        text = _SPACES.sub(" ", text)  # where texts meet
                if filled == _PLAIN and not items:
                    self._add_text(text.strip(" "))
                elif filled > _SPACE_ONLY or (items and kind & (_SHOWS | _INSIDE)):
                    items.append(text)
            if kind == _SHOWS:
                shown = self.shown(place)
                if isinstance(shown, str):
                    shown, told = self._as_set(shown, place), True
                if shown is not None:
                    items.append(shown)
                elif filled and not items:
                    items.append(" ")  # a paragraph all the same
                continue
            if not kind & _INSIDE:
                if items:
                    may_part = told or layout.separated[following] > layout.separated[begin]
                    self._paragraph(items, begin, place, may_part)
                    items, told = [], False
                    always = max(always, need)
                begin = following
                if always > self._need:
                    self._need = always
                if unmarked > self._need and not self._prefix:
                    self._need = unmarked  # but the first block of an item stands behind its mark
            if kind > _INSIDE:
                self._change(place, kind & _CHANGE)
        self._paragraph([*items, "".join(texts[following:])], begin, len(texts) - 1, True)
        self._end_text()
        return self.parts

    def _as_set(self, shown: str, place: int) -> str:
        return _as_kept(shown) if self.layout.kept[place] else collapsed(shown)

    def _paragraph(self, items: list[str | Picture], begin: int, end: int, may_part: bool) -> None:
        """Set a paragraph, the texts of which stand from one place to another.

        Args:
            may_part: whether there may be bars or dots in it.
        """
        if len(items) == 1 and not isinstance(items[0], str):
            self._end_text()
            self.parts.append(items[0])
            return
        if may_part and self._is_navigation(items, begin, end):
            self.navigation_lines += 1
            return
        texts: list[str] = []
        for item in items:
            if isinstance(item, str):
                texts.append(item)
                continue
            self._add_text(_laid_out("".join(texts)))
            texts = []
            self._end_text()
            self.parts.append(item)
        if texts:
            self._add_text(_laid_out("".join(texts)))

    def _is_navigation(self, items: list[str | Picture], begin: int, end: int) -> bool:
        """Say whether a paragraph is a line of links with bars or dots between them."""
        layout = self.layout
        if layout.linked[end + 1] == layout.linked[begin] or layout.in_heading[end]:
            return False
        line = "".join([item for item in items if isinstance(item, str)])
        if _CELL in line or not any([mark in line for mark in _SEPARATED]):
            return False
        if len(line.split()) >= _MAX_NAVIGATION_WORDS:
            return False
        letters = sum(map(str.isalnum, line))
        before = layout.linked[begin : end + 2].tolist()
        pairs = zip(itertools.pairwise(before), layout.texts[begin : end + 1], strict=True)
        linked = "".join([text for (one, two), text in pairs if two > one])
        return 2 * sum(map(str.isalnum, linked)) > letters

    def _add_text(self, text: str) -> None:
        if not text:
            return
        if self._texts:
            self._texts.append("\n" if self._need == _LINE else "\n\n")
        if self._prefix:
            text, self._prefix = self._prefix + text, ""
        self._texts.append(text)
        self._need = 0

    def _end_text(self) -> None:
        if self._texts:
            self.parts.append("".join(self._texts))
            self._texts = []

    def _change(self, place: int, change: int) -> None:
        """Begin or end a list or an item of one."""
        if change == _CLOSES_ITEM:
            self._prefix = ""
        elif change == _OPENS_ITEM:
            self._item()
        elif change == _OPENS_LIST:
            tree = self.layout.tree
            is_ordered = tree.name(place) == "ol"
            self._lists.append(_List(number=_start(tree, place) if is_ordered else None))
        elif self._lists:
            self._lists.pop()

    def _item(self) -> None:
        opened = self._lists[-1] if self._lists else _List(number=None)
        if opened.items or len(self._lists) > 1:
            self._need = _LINE  # items stand close together
        mark = "- " if opened.number is None else f"{opened.number + opened.items}. "
        opened.items += 1
        self._prefix = "  " * (len(self._lists) - 1) + mark


def _start(tree: Tree, place: int) -> int:
    value = tree.attrs(place).get("start", "").strip()
    return int(value) if value.isdecimal() and len(value) < 7 else 1


def _as_kept(text: str) -> str:
    """Return a text with marks for its white space."""
    for found, kept in _AS_KEPT:
        text = text.replace(found, kept)
    return collapsed(text)


def _laid_out(text: str) -> str:
    """Set cells and line breaks in a text whose white space is collapsed or marked."""
    if "  " in text:
        text = _SPACES.sub(" ", text)  # where texts meet
    if _CELL in text:
        plain = _BREAK not in text and _KEPT_SPACE not in text and _KEPT_TAB not in text
        laid_out = [cell.strip(" ") if plain else _laid_out(cell) for cell in text.split(_CELL)]
        cells = " | ".join(laid_out)
        return (_SPACES.sub(" ", cells) if "  " in cells else cells).strip(" |")
    if _BREAK not in text and _KEPT_SPACE not in text and _KEPT_TAB not in text:
        return text.strip(" ")
    lines = [line.strip(" ") for line in text.split(_BREAK)]
    text = "\n".join(lines).strip("\n").rstrip(f"{_KEPT_SPACE}{_KEPT_TAB}\n ")
    return text.replace(_KEPT_SPACE, " ").replace(_KEPT_TAB, "\t")


def _places(mark: bytes, letters: Octets) -> Ints:
    """Return where a character in UTF-8 stands."""
    found = np.flatnonzero(letters == mark[-1])
    for back, byte in enumerate(mark[-2::-1], 1):
        found = found[letters[found - back] == byte]
    return found


def _any(sums: Ints, firsts: Ints, lasts: Ints) -> Bools:
    """Say whether there are any between texts."""
    return sums[lasts + 1] > sums[firsts]
