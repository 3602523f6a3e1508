"""Which nodes of a page are furniture: menus, heads and feet, dialogs, blocks of links.

The decision uses tags, ARIA roles, known class and id words, and the share of text inside links.
Sums over any subtree come from running totals, so that a page is judged in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from cauldron.media.html_tree import Node, ancestors

UNSEEN = frozenset(
    "head script style template noscript svg canvas iframe object embed audio video nav dialog "
    "input button select textarea option optgroup datalist label output progress meter "
    "map area frame frameset applet".split()
)
_ROLES = frozenset("navigation banner contentinfo search dialog alertdialog menu menubar".split())
_FURNITURE = frozenset(
    """
    nav navbar navbox navheader navfooter navigation navpath nav-panel topnav bottomnav subnav
    footer site-footer page-footer printfooter site-header masthead site-info site-nav
    breadcrumb breadcrumbs pagination pager skip-link skip-nav toc table-of-contents
    share sharing social social-share social-links addtoany comments comment-respond disqus_thread
    cookie cookie-banner cookie-notice cookie-consent newsletter subscribe popup modal
    ad ads advert advertisement adsbygoogle sponsored noprint mw-editsection mw-jump-link
    mw-hidden-catlinks catlinks headerlink related-posts sphinxsidebar jump-link
    """.split()
)
_FURNITURE_WITHOUT_PICTURES = frozenset(
    "header sidebar menu related toolbar tabs widget widgets tags meta".split()
)
_CONTENT = frozenset("html body main article".split())
_LINK_BLOCKS = frozenset("ul ol div p section table center".split())
MAX_LINK_SHARE = 0.5
MAX_LINK_WORDS = 50
_MIN_LINKS = 3
_MAX_NAVIGATION_ROWS = 2
_ICON_SIDE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Running totals before each node; `linked` counts letters inside links."""

    letters: list[int]
    linked: list[int]
    words: list[int]
    links: list[int]
    pictures: list[int]
    rows: list[int]
    headings: list[int]


def content_mask(nodes: list[Node]) -> bytearray:
    """Return one byte a node: 1 for content, 0 for furniture and what nobody sees.

    A `main` or the only `article` that holds most of the remaining text takes it all.
    """
    sums = _sums(nodes)
    kept = bytearray(b"\x01") * len(nodes)
    index = 0
    while index < len(nodes):
        node = nodes[index]
        if node.tag and _is_furniture(nodes, index, sums):
            kept[index : node.end] = bytes(node.end - index)
            index = node.end
        else:
            index += 1
    main = _main(nodes, kept)
    if main is not None:
        kept[:main] = bytes(main)
        kept[nodes[main].end :] = bytes(len(nodes) - nodes[main].end)
        for up in ancestors(nodes, main):
            kept[up] = 1
    return kept


def _sums(nodes: list[Node]) -> _Sums:
    columns: list[list[int]] = [[], [], [], [], [], [], []]
    unseen_until = link_until = 0
    for index, node in enumerate(nodes):
        row = [0, 0, 0, 0, 0, 0, 0]
        if node.tag in UNSEEN:
            unseen_until = max(unseen_until, node.end)
        elif index >= unseen_until:
            if not node.tag:
                row[0] = sum(map(str.isalnum, node.text))
                row[1] = row[0] if index < link_until else 0
                row[2] = len(node.text.split())
            elif node.tag == "a" and node.attrs.get("href"):
                link_until = max(link_until, node.end)
                row[3] = 1
            elif node.tag == "img":
                row[4] = int(not is_icon(node))
            row[5] = int(node.tag == "tr")
            row[6] = int(node.tag in ("h1", "h2", "h3", "h4", "h5", "h6"))
        for column, number in zip(columns, row, strict=True):
            column.append(number)
    totals = [[0, *accumulate(column)] for column in columns]
    return _Sums(
        letters=totals[0],
        linked=totals[1],
        words=totals[2],
        links=totals[3],
        pictures=totals[4],
        rows=totals[5],
        headings=totals[6],
    )


def is_icon(node: Node) -> bool:
    """Say whether a picture declares itself at most 40 pixels high or wide."""
    sides = [node.attrs.get(name, "").strip().removesuffix("px") for name in ("width", "height")]
    return any(side.isdecimal() and int(side) <= _ICON_SIDE for side in sides if len(side) < 6)


def _is_furniture(nodes: list[Node], index: int, sums: _Sums) -> bool:
    node = nodes[index]
    if node.tag in UNSEEN or _is_hidden(node):
        return True
    if node.tag in _CONTENT:
        return False
    if node.attrs.get("role", "").strip().lower() in _ROLES:
        return True
    if node.tag in ("header", "footer"):
        inside = {nodes[up].tag for up in ancestors(nodes, index)}
        if not inside & {"article", "main", "section"}:
            return True
    bare = _total(sums.pictures, nodes, index) == 0
    if bare and (node.tag == "aside" or node.attrs.get("role") == "complementary"):
        return True
    if _is_minor(nodes, index, sums):
        tokens = node.tokens
        if tokens & _FURNITURE or (bare and tokens & _FURNITURE_WITHOUT_PICTURES):
            return True
    return bare and _is_link_block(nodes, index, sums)


def _is_hidden(node: Node) -> bool:
    style = node.attrs.get("style", "").lower().replace(" ", "")
    return "hidden" in node.attrs or "display:none" in style


def _is_minor(nodes: list[Node], index: int, sums: _Sums) -> bool:
    """Say whether a node holds less than half of the text: more is never furniture."""
    return 2 * _total(sums.letters, nodes, index) <= sums.letters[-1]


def _is_link_block(nodes: list[Node], index: int, sums: _Sums) -> bool:
    if nodes[index].tag not in _LINK_BLOCKS or _total(sums.headings, nodes, index):
        return False
    if nodes[index].tag == "table" and _total(sums.rows, nodes, index) > _MAX_NAVIGATION_ROWS:
        return False
    if _total(sums.links, nodes, index) < _MIN_LINKS or _captioned(nodes, index):
        return False
    letters, linked = _total(sums.letters, nodes, index), _total(sums.linked, nodes, index)
    few_words = _total(sums.words, nodes, index) < MAX_LINK_WORDS
    return few_words and linked > MAX_LINK_SHARE * letters


def _captioned(nodes: list[Node], index: int) -> bool:
    return any("caption" in token for token in nodes[index].tokens) or any(
        nodes[up].tag in ("figure", "figcaption", "caption") for up in ancestors(nodes, index)
    )


def _main(nodes: list[Node], kept: bytearray) -> int | None:
    places = [
        n
        for n, node in enumerate(nodes)
        if kept[n] and (node.tag == "main" or node.attrs.get("role", "").lower() == "main")
    ] or [n for n, node in enumerate(nodes) if kept[n] and node.tag == "article"]
    if len(places) != 1:
        return None
    letters = [
        sum(map(str.isalnum, node.text)) if kept[n] and not node.tag else 0
        for n, node in enumerate(nodes)
    ]
    inside = sum(letters[places[0] : nodes[places[0]].end])
    return places[0] if 2 * inside > sum(letters) else None


def _total(sums: list[int], nodes: list[Node], index: int) -> int:
    return sums[nodes[index].end] - sums[index]
