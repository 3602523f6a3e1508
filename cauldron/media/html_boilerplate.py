"""Which parts of a page are furniture: menus, heads and feet, dialogs, blocks of links.

The decision uses tags, ARIA roles, known class and id words, and the share of text inside links.
It is made for all elements of a page at once, over sums of what stands in front of each tag.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cauldron.media.html_pieces import Bools, Ints
from cauldron.media.html_tags import (
    ARTICLE,
    CAPTION,
    CAPTIONED,
    CLOSE,
    COUNTED_LINK,
    COUNTED_PICTURE,
    FIGURE,
    FURNITURE,
    HEADING,
    IF_BARE,
    IF_BARE_AND_MINOR,
    IF_LINKS,
    IF_MINOR,
    IF_TOP,
    MAIN,
    NOSCRIPT,
    ROW,
    SECTION,
    TABLE,
    UNSEEN,
)
from cauldron.media.html_tree import Tree, has

MAX_LINK_SHARE = 0.5
MAX_LINK_WORDS = 50
_MIN_LINKS = 3
_MAX_NAVIGATION_ROWS = 2


class Content(NamedTuple):
    """Which tags and which texts of a page are content."""

    tags: Bools
    texts: Bools


def around(tree: Tree, starts: Ints) -> Ints:
    """Return for each text how many of some elements it stands in.

    For the start tag behind the text it is how many of them the tag stands in.
    """
    size = len(tree.texts) + 1
    inside = np.bincount(starts + 1, minlength=size)
    inside -= np.bincount(tree.ends[starts] + 1, minlength=size)[:size]
    return np.cumsum(inside)[:-1]


def summed(values: Ints | Bools) -> Ints:
    """Return the sums of what stands in front of each place, and of all."""
    out = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=out[1:])
    return out


class _Page:
    """What stands where on a page, as sums."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.starts = _without_scripts(tree)
        unseen = around(tree, np.flatnonzero(self.starts & UNSEEN)) > 0
        self.seen = np.where(unseen[:-1], 0, self.starts)
        self.letters = np.where(unseen | (tree.filled < 2), 0, tree.letters)
        self.before = summed(self.letters)
        links = has(self.seen, COUNTED_LINK)
        self.links = summed(links)
        self.linked = summed(self.letters * (around(tree, np.flatnonzero(links)) > 0))
        self.pictures = summed(has(self.seen, COUNTED_PICTURE))

    def inside(self, sums: Ints, places: Ints) -> Ints:
        """Return how many tags of a kind are elements, or stand inside them."""
        return sums[np.minimum(self.tree.ends[places] + 1, len(sums) - 1)] - sums[places]

    def written(self, sums: Ints, places: Ints) -> Ints:
        """Return how many letters of a kind stand inside elements."""
        return sums[np.minimum(self.tree.ends[places] + 1, len(sums) - 1)] - sums[places + 1]

    def furniture(self) -> Bools:
        """Return which start tags are those of furniture."""
        tree = self.tree
        out = has(self.starts, FURNITURE)
        may = IF_BARE | IF_MINOR | IF_BARE_AND_MINOR | IF_TOP
        places = np.flatnonzero(tree.starts & may)
        if len(places):
            kinds = tree.kinds[places]
            bare = self.inside(self.pictures, places) == 0
            minor = 2 * self.written(self.before, places) <= self.before[-1]
            named = has(kinds, IF_MINOR) | (bare & has(kinds, IF_BARE_AND_MINOR))
            sections = np.flatnonzero(tree.starts & SECTION)
            top = has(kinds, IF_TOP) & (around(tree, sections)[places] == 0)
            out[places] |= top | (bare & has(kinds, IF_BARE)) | (minor & named)
        links = self._link_blocks(np.flatnonzero(has(tree.starts, IF_LINKS) & ~out))
        out[links] = True
        return out

    def _link_blocks(self, places: Ints) -> Ints:
        """Return those of some elements that are little but links."""
        tree = self.tree
        places = places[self.inside(self.links, places) >= _MIN_LINKS]
        linked = self.written(self.linked, places)
        places = places[linked > MAX_LINK_SHARE * self.written(self.before, places)]
        places = places[self.inside(self.pictures, places) == 0]
        if not len(places):
            return places
        kinds = tree.kinds
        places = places[self.inside(summed(has(self.seen, HEADING)), places) == 0]
        rows = self.inside(summed(has(self.seen, ROW)), places)
        figured = around(tree, np.flatnonzero(tree.starts & (FIGURE | CAPTION)))[places] > 0
        known = ~figured & ~has(kinds[places], CAPTIONED)
        places = places[known & ~(has(kinds[places], TABLE) & (rows > _MAX_NAVIGATION_ROWS))]
        words = tree.in_order(tree.written.words)
        return places[self.written(summed(words * (self.letters > 0)), places) < MAX_LINK_WORDS]


def _without_scripts(tree: Tree) -> Ints:
    """Return the bits of start tags; a `noscript` that holds most of what is written is seen."""
    places = np.array(tree.having(NOSCRIPT), np.int64)
    if not len(places):
        return tree.starts
    others = has(tree.starts, UNSEEN) & ~has(tree.starts, NOSCRIPT)
    hidden = around(tree, np.flatnonzero(others)) > 0
    before = summed(np.where(hidden | (tree.filled < 2), 0, tree.letters))
    inside = before[np.minimum(tree.ends[places] + 1, len(before) - 1)] - before[places + 1]
    starts = tree.starts.copy()
    starts[places[2 * inside > before[-1]]] &= ~(UNSEEN | FURNITURE)
    return starts


def content_of(tree: Tree) -> Content:
    """Return what is content, and neither furniture nor what nobody sees.

    A `main` or the only `article` that holds most of the remaining text takes it all.
    """
    page = _Page(tree)
    furniture = page.furniture()
    texts = around(tree, np.flatnonzero(furniture)) == 0
    tags = texts[:-1] & ~furniture
    closed = has(tree.kinds, CLOSE)
    starts = np.flatnonzero((tree.starts > 0) & (tree.ends < len(tags)))
    for bits in (MAIN, ARTICLE):
        places = np.flatnonzero(tags & has(tree.starts, bits))
        if len(places):
            break
    if len(places) == 1:
        main, end = int(places[0]), int(tree.ends[places[0]])
        held = page.letters * texts
        if 2 * held[main + 1 : end + 1].sum() > held.sum():
            tags[:main] = False
            tags[end + 1 :] = False
            tags[list(tree.ancestors(main))] = True
            texts[: main + 1] = False
            texts[end + 1 :] = False
    tags[closed] = False
    tags[tree.ends[starts]] = tags[starts]
    return Content(tags, texts)
