"""What the tags of a page do to its layout: breaks, cells, lists, links, preformatted text.

It is worked out for all tags at once, over arrays; what is left is a list of steps.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Any

import numpy as np

from cauldron.compiled import compiled
from cauldron.media import html_tags as of
from cauldron.media.html_boilerplate import Content, around, summed
from cauldron.media.html_pieces import BETWEEN, Bools, Ints, Octets, filled_of
from cauldron.media.html_tree import Tree, collapsed, has

LINE, BLANK = 1, 2
LAID_OUT = of.LINE | of.BLOCK | of.CELL | of.BREAK
_STATES = of.LIST | of.ITEM

# Marks inside a paragraph; control characters of the page itself are taken out before.
BREAK_MARK, CELL_MARK, KEPT_SPACE, KEPT_TAB = "\x0b", "\x1e", "\x1c", "\x1d"
_AS_KEPT = (
    ("\r\n", BREAK_MARK),
    ("\n", BREAK_MARK),
    ("\r", BREAK_MARK),
    (" ", KEPT_SPACE),
    ("\xa0", KEPT_SPACE),
    ("\t", KEPT_TAB),
)
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_INVISIBLE = "\u00ad\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
_UNCLEAN = f"{_INVISIBLE}\u200c\u200d"
_FIRST_JOINING = 0xCC  # U+0300 and what follows it may change in NFC
_MANY_JOINING = 200
_MANY_UNCLEAN = 100  # texts; to clean all at once is faster
SPACES = re.compile(" +")
SEPARATED = "|·•»›"


def compiled_layout() -> Any:
    """Return the passes over tags compiled by numba, for a page whose other passes were."""
    return compiled("cauldron.media.html_layout_compiled")


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
SPACE_ONLY, FILLED, PLAIN = 1, 2, 3
"""PLAIN: filled, without marks and links."""
BREAKS, SHOWS, INSIDE = range(3)
OPENS_LIST, CLOSES_LIST, OPENS_ITEM, CLOSES_ITEM = (change << 2 for change in range(1, 5))
CHANGE = 7 << 2
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
        if tree.compiled:
            passed = compiled_layout().around_texts(tree.kinds, tree.ends, content.tags)
            self.laid, self.in_row, self.link_before, self.kept = passed
        else:
            self._look_around(content)
        self.texts, self.filled = self._texts(content, told)
        self.marks = (self.kept & (self.filled > 0)).astype(np.int64)
        linked = (self.filled > 0) & (self.link_before >= 0)
        linked[list(told)] = False
        self.linked = summed(linked)
        self.separated = self._separators(content, told)
        self._mark()
        self.steps = self._steps(pictures)

    def _look_around(self, content: Content) -> None:
        """Tell which tags are laid out, and what stands around texts and tags."""
        tree = self.tree
        self.laid = content.tags & has(tree.kinds, LAID_OUT)
        self.in_row = self._in_row()
        links = np.flatnonzero(content.tags & has(tree.starts, of.LINK))
        self.link_before = self._last(links)
        pre = np.flatnonzero(self.laid & has(tree.starts, of.PRE))
        self.kept = around(tree, pre) > 0 if len(pre) else np.zeros(len(tree.texts), np.bool_)

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
            texts[place] = text = SPACES.sub(" ", text) if "  " in text else text
            filled[place] = SPACE_ONLY if text == " " else FILLED if text else 0
        filled[~content.texts] = 0
        turns = np.flatnonzero(np.diff(content.texts, prepend=True, append=True)).tolist()
        for begin, end in zip(turns[::2], turns[1::2], strict=True):
            texts[begin:end] = [""] * (end - begin)
        if places := np.flatnonzero(self.kept & content.texts).tolist():
            whole = BETWEEN.join(map(clean, tree.as_written(places)))
            for place, text in zip(places, as_kept(whole).split(BETWEEN), strict=True):
                texts[place] = text
                filled[place] = FILLED if text else 0
        for place, text in told.items():
            text = clean(text)
            texts[place] = as_kept(text) if self.kept[place] else collapsed(text)
            filled[place] = FILLED if text else 0
        return texts, filled

    def _separators(self, content: Content, told: dict[int, str]) -> Ints:
        """Return in how many of the texts in front of each there is what may part links."""
        found = np.zeros(len(self.texts), np.bool_)
        if not self.linked[-1]:
            return summed(found)
        letters = np.frombuffer(self.tree.written.shown, np.uint8)
        bars = np.flatnonzero(letters == ord("|"))
        leads = np.flatnonzero((letters == 0xC2) | (letters == 0xE2) | (letters == 0xCE))
        rare = SEPARATED[1:] + "\u0387" if len(leads) else ""
        places = [bars, *[_places(mark.encode(), letters) for mark in rare]]
        found = self._with(np.concatenate(places)) & content.texts
        for place, text in told.items():
            found[place] = any(mark in text for mark in SEPARATED)
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
        marked = [(BREAK_MARK, FILLED, breaks & ~spaced)]
        if row.any():
            starts = cells & (self.tree.starts > 0)
            marked += [(" ", SPACE_ONLY, spaced), (CELL_MARK, FILLED, starts)]
        for mark, filled, tags in marked:
            places = np.flatnonzero(tags) + 1
            self.filled[places] = np.maximum(self.filled[places], filled)
            self.marks[places] |= filled == FILLED
            for place in places.tolist():
                self.texts[place] = mark + self.texts[place]
        self.ends_paragraphs = self.laid & ~breaks & ~cells & ~self.spaced

    def _changes(self) -> Ints:
        """Return what each tag would change of a list."""
        kinds, begins = self.tree.kinds, self.tree.starts > 0
        lists = np.where(begins, OPENS_LIST, CLOSES_LIST)
        items = np.where(begins, np.where(self.in_row, 0, OPENS_ITEM), CLOSES_ITEM)
        return np.where(has(kinds, of.LIST), lists, items)

    def _steps(self, pictures: Bools) -> list[Step]:
        """Return the tags that do something to the layout, several together where they can be."""
        kinds = self.tree.kinds
        if self.tree.compiled:
            at_texts = self.filled, self.marks, self.linked, self.separated
            at_tags = self.laid, self.in_row, self.spaced, self.ends_paragraphs, pictures
            columns = compiled_layout().steps(kinds, *at_tags, *at_texts)
            return list(zip(*columns.tolist(), strict=True))
        states = self.laid & has(kinds, _STATES)
        does = np.where(states, self._changes(), BREAKS)
        does[states & self.spaced] |= INSIDE
        does[pictures] = SHOWS
        places = np.flatnonzero(self.ends_paragraphs | states | pictures)
        if not len(places):
            return []
        does, kinds = does[places], kinds[places]
        firsts = np.append(0, places[:-1] + 1)
        filled = np.maximum.reduceat(self.filled[: places[-1] + 1], firsts)
        level = np.where(has(kinds, of.LINE), LINE, BLANK)
        always = np.where((filled > 0) | has(kinds, of.CELL), level, 0)
        unmarked = level - always
        in_links = np.zeros(len(places), np.bool_)
        if self.separated[-1]:
            in_links = _any(self.linked, firsts, places) & _any(self.separated, firsts, places)
        odd = in_links | (_any(summed(self.marks), firsts, places) if self.marks.any() else False)
        plain = (filled == FILLED) & (does & ~CHANGE == BREAKS) & ~odd
        filled[plain] = PLAIN
        goes_on = (does[1:] == BREAKS) & (does[:-1] == BREAKS) & (filled[1:] < FILLED)
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


def as_kept(text: str) -> str:
    """Return a text with marks for its white space."""
    for found, kept in _AS_KEPT:
        text = text.replace(found, kept)
    return collapsed(text)


def _places(mark: bytes, letters: Octets) -> Ints:
    """Return where a character in UTF-8 stands."""
    found = np.flatnonzero(letters == mark[-1])
    for back, byte in enumerate(mark[-2::-1], 1):
        found = found[letters[found - back] == byte]
    return found


def _any(sums: Ints, firsts: Ints, lasts: Ints) -> Bools:
    """Say whether there are any between texts."""
    return sums[lasts + 1] > sums[firsts]
