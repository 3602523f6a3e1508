"""Laying out a page as text and pictures: paragraphs, lists, tables, preformatted text.

White space follows CSS: it collapses across elements and is kept in `pre`. Blocks stand apart by a
blank line, list items and table rows by a line feed, cells by ` | `.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cauldron.media.html_tree import CONTROLS, Node

Picture = TypeVar("Picture")

_LINE, _BLANK = "\n", "\n\n"
_LINES = frozenset("li dt dd tr tbody thead tfoot legend summary".split())
_BLOCKS = _LINES | frozenset(
    "address article aside blockquote body caption center details dir div dl fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html main menu nav ol p plaintext pre "
    "listing xmp search section table ul".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_ROWS = frozenset("table caption tr tbody thead tfoot".split())
_LISTS = frozenset("ul ol menu dir".split())
_PREFORMATTED = frozenset("pre listing xmp plaintext".split())
_WITH_STATE = _LISTS | _PREFORMATTED | _HEADINGS | {"li", "table"}
_LAYOUT_INSIDE = frozenset("table h1 h2 h3 h4 h5 h6 pre figure blockquote".split())

LAID_OUT = _BLOCKS | frozenset("br td th".split())
"""Elements that have a part in the layout; others need not be told to a `Flow`."""

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
_MARKS_IN_CELLS = re.compile(f"[{_BREAK}{_KEPT_SPACE}{_KEPT_TAB}]")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff]")
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_SPACE = re.compile("[ \t\n\r\f\x85\xa0\u2028\u2029]+")
_SPACES = re.compile(" +")
_SEPARATED = re.compile(r"[|·•»›]")
_MAX_NAVIGATION_WORDS = 50


def clean(text: str) -> str:
    """Return text in NFC without control and zero-width characters.

    Joiners stay between letters that are not ASCII: scripts and emoji need them.
    """
    text = CONTROLS.sub("", text)
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", text)
    return unicodedata.normalize("NFC", _JOINERS.sub("", text))


@dataclass(slots=True)
class _List:
    """An open list: the next number of an ordered one, and how many items it has had."""

    number: int | None
    items: int = 0


class Flow(Generic[Picture]):
    """Collects texts and pictures as they are read; `end` returns them."""

    def __init__(self) -> None:
        self.parts: list[str | Picture] = []
        self.navigation_lines = 0
        self._texts: list[str] = []
        self._items: list[tuple[str | Picture, bool]] = []
        self._need = ""
        self._prefix = ""
        self._lists: list[_List] = []
        self._tables: list[bool] = []
        self._pre = 0
        self._heading = False
        self._in_row = False
        self._marked = False  # there are marks in the running paragraph

    def text(self, text: str, linked: bool = False) -> None:
        """Add a text as it stands in the page."""
        if not text.isascii():
            text = clean(text)
        if self._pre:
            self._marked = True
            for found, kept in _AS_KEPT:
                text = text.replace(found, kept)
        if text:
            self._items.append((text, linked))

    def picture(self, picture: Picture, linked: bool = False) -> None:
        """Add a picture inside the running paragraph."""
        self._items.append((picture, linked))

    def enter(self, node: Node, inside: list[Node]) -> None:
        """Begin an element; `inside` are the nodes in it."""
        tag = node.tag
        if tag == "td" or tag == "th":
            self._cell()
            return
        if tag == "br":
            self._marked = True
            self._items.append((" " if self._in_row else _BREAK, False))
        else:
            self._break(tag)
        if tag not in _WITH_STATE:
            return
        if tag in _LISTS:
            self._lists.append(_List(number=_start(node) if tag == "ol" else None))
        elif tag == "li":
            self._item(node)
        elif tag == "table":
            self._in_row = _is_data_table(node, inside)
            self._tables.append(self._in_row)
        elif tag in _PREFORMATTED:
            self._pre += 1
        else:
            self._heading = True

    def leave(self, node: Node) -> None:
        """End an element."""
        tag = node.tag
        if tag == "td" or tag == "th":
            if not self._in_row:
                self.flush(_BLANK)
            return
        if tag != "br":
            self._break(tag)
        if tag not in _WITH_STATE:
            return
        if tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._prefix = ""
        elif tag == "table" and self._tables:
            self._tables.pop()
            self._in_row = bool(self._tables and self._tables[-1])
        elif tag in _PREFORMATTED:
            self._pre -= 1
        elif tag in _HEADINGS:
            self._heading = False

    def flush(self, need: str = _BLANK) -> None:
        """End the running paragraph; the next one stands `need` below."""
        items = self._items
        if items:
            self._items = []
            self._set(items)
            self._marked = False
        if len(need) > len(self._need):
            self._need = need

    def _set(self, items: list[tuple[str | Picture, bool]]) -> None:
        laid_out = _laid_out if self._marked else _collapsed
        if len(items) == 1 and isinstance(text := items[0][0], str) and not items[0][1]:
            self._add_text(laid_out(text))
            return
        if not self._heading and _is_navigation(items):
            self.navigation_lines += 1
            return
        texts: list[str] = []
        for item, _ in items:
            if isinstance(item, str):
                texts.append(item)
                continue
            self._add_text(laid_out("".join(texts)))
            texts = []
            self._end_text()
            self.parts.append(item)
        if texts:
            self._add_text(laid_out("".join(texts)))

    def _add_text(self, text: str) -> None:
        if not text:
            return
        text, self._prefix = self._prefix + text, ""
        self._texts += [self._need or _BLANK, text] if self._texts else [text]
        self._need = ""

    def end(self) -> list[str | Picture]:
        """End the page and return its texts and pictures in order."""
        self.flush()
        self._end_text()
        return self.parts

    def _end_text(self) -> None:
        if self._texts:
            self.parts.append("".join(self._texts))
            self._texts = []

    def _break(self, tag: str) -> None:
        items = self._items
        if self._in_row and tag not in _ROWS:
            items.append((" ", False))
        elif items:
            self.flush(_LINE if tag in _LINES else _BLANK)
        elif not self._prefix and self._need != _BLANK:
            # the first block of a list item stands behind its mark
            self._need = _LINE if tag in _LINES else _BLANK

    def _cell(self) -> None:
        if self._in_row:
            self._marked = True
            self._items.append((_CELL, False))
        else:
            self.flush(_BLANK)

    def _item(self, node: Node) -> None:
        if self._in_row:
            return
        opened = self._lists[-1] if self._lists else _List(number=None)
        if opened.items or len(self._lists) > 1:
            self._need = _LINE  # items stand close together
        mark = "- " if opened.number is None else f"{opened.number + opened.items}. "
        opened.items += 1
        self._prefix = "  " * (len(self._lists) - 1) + mark


def _start(node: Node) -> int:
    value = node.attrs.get("start", "").strip()
    return int(value) if value.isdecimal() and len(value) < 7 else 1


def _is_data_table(table: Node, inside: list[Node]) -> bool:
    """Say whether rows can stand on one line each; else the table is only there for layout."""
    if table.attrs.get("role", "").lower() in ("presentation", "none"):
        return False
    if any(node.tag in _LAYOUT_INSIDE for node in inside):
        return False
    paragraphs = sum(node.tag == "p" for node in inside)
    return paragraphs <= sum(node.tag in ("td", "th") for node in inside)


def _is_navigation(items: Sequence[tuple[object, bool]]) -> bool:
    """Say whether a paragraph is a line of links with bars or dots between them."""
    for _, linked in items:
        if linked:
            break
    else:
        return False
    texts = [(text, linked) for text, linked in items if isinstance(text, str)]
    line = "".join(text for text, _ in texts)
    if not _SEPARATED.search(line) or _CELL in line or len(line.split()) >= _MAX_NAVIGATION_WORDS:
        return False
    letters = sum(map(str.isalnum, line))
    linked_letters = sum(sum(map(str.isalnum, text)) for text, linked in texts if linked)
    return 2 * linked_letters > letters


def _collapsed(text: str) -> str:
    """Collapse white space in a text without marks."""
    return " ".join(text.split()) if text.isascii() else _SPACE.sub(" ", text).strip(" ")


def _laid_out(text: str) -> str:
    """Collapse white space, set cells and line breaks."""
    if _CELL in text:
        plain = not _MARKS_IN_CELLS.search(text)
        cells = [_collapsed(c) if plain else _laid_out(c) for c in text.split(_CELL)]
        return _SPACES.sub(" ", " | ".join(cells)).strip(" |")
    if not _MARKS_IN_CELLS.search(text):
        return _collapsed(text)
    lines = [line.strip(" ") for line in _SPACE.sub(" ", text).split(_BREAK)]
    text = "\n".join(lines).strip("\n").rstrip(f"{_KEPT_SPACE}{_KEPT_TAB}\n ")
    return text.replace(_KEPT_SPACE, " ").replace(_KEPT_TAB, "\t")
