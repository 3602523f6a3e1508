"""Which nodes of a page are furniture: menus, heads and feet, dialogs, blocks of links.

The decision uses tags, ARIA roles, known class and id words, and the share of text inside links.
What stands inside an element is counted by bisection, so that a page is judged in one pass.
"""

from __future__ import annotations

from bisect import bisect_left

from cauldron.media.html_tree import Node, ancestors, tokens_of

UNSEEN = frozenset(
    "head script style template noscript svg canvas iframe object embed audio video nav dialog "
    "input button select textarea option optgroup datalist label output progress meter "
    "map area frame frameset applet".split()
)
NEVER_READ = sorted(UNSEEN - {"head", "script", "noscript", "frame", "frameset"})
"""What the parser takes out by itself; of the others a part is looked at."""
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
_NAMED = _FURNITURE | _FURNITURE_WITHOUT_PICTURES
_COUNTED = frozenset("a img tr h1 h2 h3 h4 h5 h6".split())
_CONTENT = frozenset("html body main article".split())
_LINK_BLOCKS = frozenset("ul ol div p section table center".split())
_JUDGED_BY_NAME = UNSEEN | _CONTENT | _LINK_BLOCKS | {"header", "footer", "aside"}
MAX_LINK_SHARE = 0.5
MAX_LINK_WORDS = 50
_MIN_LINKS = 3
_MAX_NAVIGATION_ROWS = 2
_ICON_SIDE = 40


class _Counts:
    """Where in the list of nodes something stands, to count it inside any element."""

    def __init__(self, nodes: list[Node]) -> None:
        self.links: list[int] = []
        self.pictures: list[int] = []
        self.rows: list[int] = []
        self.headings: list[int] = []
        self.texts: list[int] = []
        self.letters, self.linked = [0], [0]
        unseen_until = link_until = all_letters = all_linked = 0
        for index, node in enumerate(nodes):
            tag = node.tag
            if not tag:
                if index >= unseen_until and not (text := node.text).isspace():
                    letters = len(text) - text.count(" ")
                    all_letters += letters
                    if index < link_until:
                        all_linked += letters
                    self.texts.append(index)
                    self.letters.append(all_letters)
                    self.linked.append(all_linked)
            elif tag in UNSEEN:
                unseen_until = max(unseen_until, node.end)
            elif tag in _COUNTED and index >= unseen_until:
                if tag == "a":
                    if "href=" in node.raw:
                        link_until = max(link_until, node.end)
                        self.links.append(index)
                elif tag == "img":
                    if not is_icon(node):
                        self.pictures.append(index)
                else:
                    (self.rows if tag == "tr" else self.headings).append(index)

    def within(self, totals: list[int], node: Node, index: int) -> int:
        """Return how many letters (or linked letters) stand inside an element."""
        return totals[bisect_left(self.texts, node.end)] - totals[bisect_left(self.texts, index)]


def _number(places: list[int], node: Node, index: int) -> int:
    """Return how many of some places lie inside an element."""
    return bisect_left(places, node.end) - bisect_left(places, index) if places else 0


def content_mask(nodes: list[Node]) -> bytearray:
    """Return one byte a node: 1 for content, 0 for furniture and what nobody sees.

    A `main` or the only `article` that holds most of the remaining text takes it all.
    """
    counts = _Counts(nodes)
    kept = bytearray(b"\x01") * len(nodes)
    mains: list[int] = []
    articles: list[int] = []
    index = 0
    while index < len(nodes):
        node = nodes[index]
        if node.tag and (node.raw or node.tag in _JUDGED_BY_NAME):
            if _is_furniture(nodes, index, counts):
                kept[index : node.end] = bytes(node.end - index)
                index = node.end
                continue
            if node.tag == "main" or 'role="main"' in node.raw:
                mains.append(index)
            elif node.tag == "article":
                articles.append(index)
        index += 1
    main = _main(nodes, kept, counts, mains or articles)
    if main is not None:
        kept[:main] = bytes(main)
        kept[nodes[main].end :] = bytes(len(nodes) - nodes[main].end)
        for up in ancestors(nodes, main):
            kept[up] = 1
    return kept


def is_plain(tag: str, raw: str) -> bool:
    """Say whether an inline element with attributes is neither furniture nor hidden nor marked."""
    if "hidden" in raw or "display" in raw or "role=" in raw:
        return False
    tokens = tokens_of(raw)
    return tokens.isdisjoint(_NAMED) and not any(
        "caption" in token or "math" in token for token in tokens
    )


def is_icon(node: Node) -> bool:
    """Say whether a picture declares itself at most 40 pixels high or wide."""
    if "width=" not in node.raw and "height=" not in node.raw:
        return False
    sides = [node.attrs.get(name, "").strip().removesuffix("px") for name in ("width", "height")]
    return any(side.isdecimal() and int(side) <= _ICON_SIDE for side in sides if len(side) < 6)


def _is_furniture(nodes: list[Node], index: int, counts: _Counts) -> bool:
    node = nodes[index]
    tag, raw = node.tag, node.raw
    if tag in UNSEEN or (raw and _is_hidden(node)):
        return True
    if tag in _CONTENT:
        return False
    if raw and "role=" in raw and node.attrs.get("role", "").strip().lower() in _ROLES:
        return True
    if tag in ("header", "footer"):
        inside = {nodes[up].tag for up in ancestors(nodes, index)}
        if not inside & {"article", "main", "section"}:
            return True
    aside = tag == "aside" or 'role="complementary"' in raw
    if aside and not _number(counts.pictures, node, index):
        return True
    tokens = node.tokens
    if not tokens.isdisjoint(_NAMED):
        bare = not _number(counts.pictures, node, index)
        named = tokens & _FURNITURE or (bare and tokens & _FURNITURE_WITHOUT_PICTURES)
        if named and _is_minor(node, index, counts):
            return True
    return tag in _LINK_BLOCKS and _is_link_block(nodes, index, counts)


def _is_hidden(node: Node) -> bool:
    raw = node.raw
    if "hidden" not in raw and "display" not in raw:
        return False
    style = node.attrs.get("style", "").lower().replace(" ", "")
    return "hidden" in node.attrs or "display:none" in style


def _is_minor(node: Node, index: int, counts: _Counts) -> bool:
    """Say whether a node holds less than half of the text: more is never furniture."""
    return 2 * counts.within(counts.letters, node, index) <= counts.letters[-1]


def _is_link_block(nodes: list[Node], index: int, counts: _Counts) -> bool:
    node = nodes[index]
    if _number(counts.links, node, index) < _MIN_LINKS:
        return False
    words = 0
    for place in range(bisect_left(counts.texts, index), bisect_left(counts.texts, node.end)):
        words += len(nodes[counts.texts[place]].text.split())
        if words >= MAX_LINK_WORDS:
            return False
    if _number(counts.pictures, node, index) or _number(counts.headings, node, index):
        return False
    if node.tag == "table" and _number(counts.rows, node, index) > _MAX_NAVIGATION_ROWS:
        return False
    letters = counts.within(counts.letters, node, index)
    linked = counts.within(counts.linked, node, index)
    return linked > MAX_LINK_SHARE * letters and not _captioned(nodes, index)


def _captioned(nodes: list[Node], index: int) -> bool:
    return any("caption" in token for token in nodes[index].tokens) or any(
        nodes[up].tag in ("figure", "figcaption", "caption") for up in ancestors(nodes, index)
    )


def _main(nodes: list[Node], kept: bytearray, counts: _Counts, places: list[int]) -> int | None:
    if len(places) != 1:
        return None
    letters = counts.letters
    sizes = [(n, letters[k + 1] - letters[k]) for k, n in enumerate(counts.texts) if kept[n]]
    end = nodes[places[0]].end
    inside = sum(size for n, size in sizes if places[0] < n < end)
    return places[0] if 2 * inside > sum(size for _, size in sizes) else None
