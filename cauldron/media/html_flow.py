"""Laying out a page as text and pictures: paragraphs, lists, tables, preformatted text.

White space follows CSS: it collapses across elements and is kept in `pre`. Blocks stand apart by a
blank line, list items and table rows by a line feed, cells by ` | `. What a tag does to the layout
is worked out for all tags at once (`html_layout`), and only what is left of them is gone through
one by one: paragraphs, list items, pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cauldron.media.html_layout import (
    BREAK_MARK,
    CELL_MARK,
    CHANGE,
    CLOSES_ITEM,
    INSIDE,
    KEPT_SPACE,
    KEPT_TAB,
    LINE,
    OPENS_ITEM,
    OPENS_LIST,
    PLAIN,
    SEPARATED,
    SHOWS,
    SPACE_ONLY,
    SPACES,
    Layout,
    as_kept,
)
from cauldron.media.html_tree import Tree, collapsed

Picture = TypeVar("Picture")

_MAX_NAVIGATION_WORDS = 50
_NOT_ALPHANUMERIC = bytes(code for code in range(0x80) if not chr(code).isalnum())


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
                        text = SPACES.sub(" ", text)  # where texts meet
                if filled == PLAIN and not items:
                    self._add_text(text.strip(" "))
                elif filled > SPACE_ONLY or (items and kind & (SHOWS | INSIDE)):
                    items.append(text)
            if kind == SHOWS:
                shown = self.shown(place)
                if isinstance(shown, str):
                    shown, told = self._as_set(shown, place), True
                if shown is not None:
                    items.append(shown)
                elif filled and not items:
                    items.append(" ")  # a paragraph all the same
                continue
            if not kind & INSIDE:
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
            if kind > INSIDE:
                self._change(place, kind & CHANGE)
        self._paragraph([*items, "".join(texts[following:])], begin, len(texts) - 1, True)
        self._end_text()
        return self.parts

    def _as_set(self, shown: str, place: int) -> str:
        return as_kept(shown) if self.layout.kept[place] else collapsed(shown)

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
            if texts:
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
        if CELL_MARK in line or not any([mark in line for mark in SEPARATED]):
            return False
        if len(line.split()) >= _MAX_NAVIGATION_WORDS:
            return False
        before = layout.linked[begin : end + 2].tolist()
        pairs = zip(itertools.pairwise(before), layout.texts[begin : end + 1], strict=True)
        linked = "".join([text for (one, two), text in pairs if two > one])
        return 2 * _alphanumerics(linked) > _alphanumerics(line)

    def _add_text(self, text: str) -> None:
        if not text:
            return
        if self._texts:
            self._texts.append("\n" if self._need == LINE else "\n\n")
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
        if change == CLOSES_ITEM:
            self._prefix = ""
        elif change == OPENS_ITEM:
            self._item()
        elif change == OPENS_LIST:
            tree = self.layout.tree
            is_ordered = tree.name(place) == "ol"
            self._lists.append(_List(number=_start(tree, place) if is_ordered else None))
        elif self._lists:
            self._lists.pop()

    def _item(self) -> None:
        opened = self._lists[-1] if self._lists else _List(number=None)
        if opened.items or len(self._lists) > 1:
            self._need = LINE  # items stand close together
        mark = "- " if opened.number is None else f"{opened.number + opened.items}. "
        opened.items += 1
        self._prefix = "  " * (len(self._lists) - 1) + mark


def _alphanumerics(text: str) -> int:
    """Return how many characters are letters or digits."""
    if text.isascii():
        return len(text.encode().translate(None, _NOT_ALPHANUMERIC))
    return sum(map(str.isalnum, text))


def _start(tree: Tree, place: int) -> int:
    value = tree.attrs(place).get("start", "").strip()
    return int(value) if value.isdecimal() and len(value) < 7 else 1


def _laid_out(text: str) -> str:
    """Set cells and line breaks in a text whose white space is collapsed or marked."""
    if "  " in text:
        text = SPACES.sub(" ", text)  # where texts meet
    if CELL_MARK in text:
        plain = BREAK_MARK not in text and KEPT_SPACE not in text and KEPT_TAB not in text
        laid_out = [cell.strip(" ") if plain else _laid_out(cell) for cell in text.split(CELL_MARK)]
        cells = " | ".join(laid_out)
        return (SPACES.sub(" ", cells) if "  " in cells else cells).strip(" |")
    if BREAK_MARK not in text and KEPT_SPACE not in text and KEPT_TAB not in text:
        return text.strip(" ")
    lines = [line.strip(" ") for line in text.split(BREAK_MARK)]
    text = "\n".join(lines).strip("\n").rstrip(f"{KEPT_SPACE}{KEPT_TAB}\n ")
    return text.replace(KEPT_SPACE, " ").replace(KEPT_TAB, "\t")
