"""What tags say of their elements, as bits: how they nest, what they look like, what they are for.

A tag is looked at once, however often it stands on a page or on others; whole pages are then
judged and laid out over arrays of these bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import count

from cauldron.media.html_bounds import VOID

_bits = (1 << n for n in count())
# How a tag nests.
OPEN, CLOSE, ALONE, NOTE, PLAIN, RAW, NEVER = (next(_bits) for _ in range(7))
"""ALONE: has no end tag. NOTE: a comment, or an end tag that ends nothing. PLAIN: means nothing.
RAW: its text is written as it is. NEVER: nobody sees what is in it, nor is any of it looked at."""
# How it is laid out.
LINE, BLOCK, CELL, BREAK, TABLE, ROWS, LIST, ITEM, PRE, HEADING = (next(_bits) for _ in range(10))
PARAGRAPH, IN_LAYOUT, FOR_LAYOUT = (next(_bits) for _ in range(3))
"""IN_LAYOUT: stands only in tables used for layout. FOR_LAYOUT: a table that says it is such."""
# What it is.
LINK, PICTURE, IMAGE, MATH, NOSCRIPT, TEX_SCRIPT, TELLING = (next(_bits) for _ in range(7))
FIGURE, FIGCAPTION, CAPTION = (next(_bits) for _ in range(3))
SECTION, MAIN, ARTICLE, ROW = (next(_bits) for _ in range(4))
# Whether it is furniture.
FURNITURE, UNSEEN, IF_BARE, IF_MINOR, IF_BARE_AND_MINOR, IF_TOP, IF_LINKS = (
    next(_bits) for _ in range(7)
)
COUNTED_LINK, COUNTED_PICTURE, CAPTIONED, FIGURE_LIKE = (next(_bits) for _ in range(4))
"""CAPTIONED: named for a caption. FIGURE_LIKE: a figure, or a box that serves as one."""
# What a class or an id tells besides: it has a word with a piece of furniture's names, is what is
# written, is a part under a heading, stands in sentences, is named for formulas.
_PIECES, _BODY, _PART, _SENTENCE, _MATHS = (next(_bits) for _ in range(5))

_RAW = frozenset("script xmp noframes noembed plaintext style iframe".split())
_UNSEEN = frozenset(
    "head script style template noscript svg canvas iframe object embed audio video nav dialog "
    "input button select textarea option optgroup datalist label output progress meter "
    "map area frame frameset applet".split()
)
_CONTENT = frozenset("html body main article".split())
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
    "header sidebar menu related toolbar tabs widget widgets textwidget tags meta".split()
)
_FURNITURE_PIECES = frozenset(
    """
    related relatedposts yarpp sharedaddy addthis sharing share newsletter signup subscribe
    subscription footer prefooter pagination breadcrumb breadcrumbs navbar submenu navi cookie
    likes disqus nocomments respond promo recommended recommendations signup login registration
    """.split()
)
_WRITTEN = frozenset(
    """
    entry hentry h-entry entry-content entry-body post-body post-content article-body
    article-content articlebody story-body blog blog-posts
    """.split()
)
_IN_SENTENCES = frozenset(
    "mw-editsection mw-jump-link headerlink noprint skip-link skip-nav jump-link".split()
)
_NAMED_BY_ID = frozenset("div ul ol table td form p aside".split())
_PIECE = re.compile(r"[a-z]+")
_FIGURES = frozenset("figure thumb thumbinner mediaobject wp-caption gallerybox image-box".split())
_INLINE = frozenset(
    "abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q s samp small "
    "span strike strong sub sup time tt u var".split()
)
_TOLD = (
    (IF_MINOR, _FURNITURE),
    (IF_BARE_AND_MINOR, _FURNITURE_WITHOUT_PICTURES),
    (FIGURE_LIKE, _FIGURES),
    (_BODY, _WRITTEN),
    (_SENTENCE, _IN_SENTENCES),
    (_PART, frozenset({"section"})),
)
_ICON_SIDE = 40

_NAMES: dict[int, str] = {
    RAW: " ".join(_RAW),
    NEVER: " ".join(_UNSEEN - {"head", "script", "noscript", "frame", "frameset"}),
    UNSEEN | FURNITURE: " ".join(_UNSEEN),
    LINE: "li dt dd tr tbody thead tfoot legend summary",
    BLOCK: "address article aside blockquote body caption center details dir div dl fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html main menu nav ol p "
    "plaintext pre listing xmp search section table ul",
    CELL: "td th",
    BREAK: "br",
    TABLE: "table",
    ROWS: "table caption tr tbody thead tfoot",
    LIST: "ul ol menu dir",
    ITEM: "li",
    PRE: "pre listing xmp plaintext",
    HEADING: "h1 h2 h3 h4 h5 h6",
    PARAGRAPH: "p",
    IN_LAYOUT: "table h1 h2 h3 h4 h5 h6 pre figure blockquote",
    PICTURE: "picture",
    IMAGE: "img image amp-img",
    MATH: "math",
    NOSCRIPT: "noscript",
    TELLING: "html title base link meta",
    FIGURE | FIGURE_LIKE: "figure",
    FIGCAPTION | CAPTIONED: "figcaption",
    CAPTION: "caption figcaption",
    SECTION: "article main section",
    MAIN: "main",
    ARTICLE: "article",
    ROW: "tr",
    COUNTED_PICTURE: "img",
    IF_BARE: "aside",
    IF_TOP: "header footer",
    IF_LINKS: "ul ol div p section table center",
}


def _bits_by_name() -> dict[str, int]:
    found: dict[str, int] = {}
    for bits, names in _NAMES.items():
        for name in names.split():
            found[name] = found.get(name, 0) | bits
    return found


_BY_NAME = _bits_by_name()
TELLING_WORDS = frozenset().union(*(words for _, words in _TOLD))
"""Words of a class or an id that tell something; `math` and `caption` do so inside others."""
KNOWN_NAMES = frozenset(
    f"{end}{name}".encode() for name in {*_BY_NAME, *_INLINE, *VOID} for end in ("", "/")
)
_OFTEN_BYTES = 500  # tags of this length come again
_KNOWN_TAGS = 8192
_ATTRIBUTE = re.compile(r'\s([^\s=]+)="([^"]*)"')
_NAMED = re.compile(r'\s(?:class|id)="[^"]*"')
_NO_TOKENS: frozenset[str] = frozenset()


class _Tags(dict[bytes, int]):
    """The bits of tags that were looked at; a full one is emptied."""

    def __missing__(self, tag: bytes) -> int:
        found = _bits_of(tag.decode())
        if len(tag) < _OFTEN_BYTES:
            if len(self) >= _KNOWN_TAGS:
                self.clear()
            self[tag] = found
        return found


TAGS = _Tags()
"""The bits of a tag as the parser writes it, in UTF-8, without its angle brackets."""


def _bits_of(tag: str) -> int:
    if tag[:1] == "/" and tag[1:] not in VOID:  # in drawings and formulas these are closed
        return CLOSE
    if not tag or tag[0] in "!/":
        return NOTE
    name, space, raw = tag.partition(" ")
    found = _BY_NAME.get(name, 0) | OPEN | (ALONE if name in VOID else 0)
    if space:
        return _with_attributes(name, space + raw, found)
    return found | PLAIN if name in _INLINE else found


def _with_attributes(name: str, raw: str, found: int) -> int:
    """Return the bits of a tag that has attributes."""
    odd = "hidden" in raw or "display" in raw
    if not (odd or "class=" in raw or "id=" in raw or "role=" in raw):
        if name == "a":
            is_link = ' href="' in raw and ' href=""' not in raw
            return found | (COUNTED_LINK if "href=" in raw else 0) | (LINK if is_link else 0)
        if name not in ("img", "script"):
            return found | PLAIN if name in _INLINE else found
    attrs = dict(_ATTRIBUTE.findall(raw))
    told = _told_by(attrs.get("class", "")), _told_by(attrs.get("id", ""))
    named = _bits_of_words(*told, name in _NAMED_BY_ID)
    if named and (name == "a" or name in _INLINE) and not (told[0] | told[1]) & _SENTENCE:
        named &= ~(IF_MINOR | IF_BARE_AND_MINOR)
    if name in _INLINE and not odd and "role=" not in raw and not named & ~FIGURE_LIKE:
        found |= 0 if (told[0] | told[1]) & _MATHS else PLAIN
    if "role=" in raw:
        named |= _bits_of_role(raw, unescaped(attrs.get("role", "")).lower())
    if name in _CONTENT:
        named &= ~(FURNITURE | IF_BARE | IF_MINOR | IF_BARE_AND_MINOR)
    if odd and _is_hidden(attrs):
        found |= FURNITURE
    if name == "a" and "href=" in raw:
        found |= COUNTED_LINK | (LINK if attrs.get("href") else 0)
    elif name == "img" and _is_icon(attrs):
        found &= ~COUNTED_PICTURE
    elif name == "script" and unescaped(attrs.get("type", "")).startswith("math/tex"):
        found |= TEX_SCRIPT
    return found | named


def _bits_of_role(raw: str, role: str) -> int:
    found = FURNITURE if role.strip() in _ROLES else 0
    found |= FOR_LAYOUT if role in ("presentation", "none") else 0
    found |= MAIN if 'role="main"' in raw else 0
    return found | (IF_BARE if 'role="complementary"' in raw else 0)


def _told_by(value: str) -> int:
    """Return what the words of a class or an id tell, as the parser writes them."""
    if not value:
        return 0
    return _told(value) if len(value) < _OFTEN_BYTES else _told.__wrapped__(value)


@lru_cache(maxsize=_KNOWN_TAGS)
def _told(value: str) -> int:
    value = unescaped(value).lower()
    words = frozenset(value.split())
    found = _PIECES if not _FURNITURE_PIECES.isdisjoint(_PIECE.findall(value)) else 0
    for bits, known in _TOLD:
        found |= 0 if known.isdisjoint(words) else bits
    found |= _MATHS if "math" in value else 0
    return found | (CAPTIONED if "caption" in value else 0)


def _bits_of_words(classes: int, ids: int, by_id: bool) -> int:
    """Return the bits of class and id; an id may be made of a heading's words instead."""
    told = classes | ids
    found = told & (FIGURE_LIKE | CAPTIONED)
    if told & _BODY:
        return found
    names = told if by_id and not classes & _PART else classes
    if names & IF_MINOR or classes & _PIECES:
        found |= IF_MINOR
    return found | (names & IF_BARE_AND_MINOR)


def _is_hidden(attrs: Mapping[str, str]) -> bool:
    style = unescaped(attrs.get("style", "")).lower().replace(" ", "")
    return "hidden" in attrs or "display:none" in style


def _is_icon(attrs: Mapping[str, str]) -> bool:
    """Say whether a picture declares itself at most 40 pixels high or wide."""
    for name in ("width", "height"):
        side = unescaped(attrs.get(name, "")).strip().removesuffix("px")
        if len(side) < 6 and side.isdecimal() and int(side) <= _ICON_SIDE:
            return True
    return False


def tokens_of(raw: str) -> frozenset[str]:
    """Return the class and id tokens of attributes in lower case."""
    if "class=" not in raw and "id=" not in raw:
        return _NO_TOKENS
    named = "".join(_NAMED.findall(raw))
    return _tokens(named) if len(named) < _OFTEN_BYTES else _tokens.__wrapped__(named)


def attributes(raw: str) -> Mapping[str, str]:
    """Return attributes as the parser writes them, a blank in front, by lower-case name."""
    return _attributes(raw) if len(raw) < _OFTEN_BYTES else _attributes.__wrapped__(raw)


@lru_cache(maxsize=_KNOWN_TAGS)
def _attributes(raw: str) -> Mapping[str, str]:
    return {name: unescaped(value) for name, value in _ATTRIBUTE.findall(raw)} if raw else {}


@lru_cache(maxsize=_KNOWN_TAGS)
def _tokens(raw: str) -> frozenset[str]:
    attrs = _attributes.__wrapped__(raw)
    return frozenset(f"{attrs.get('class', '')} {attrs.get('id', '')}".lower().split())


def unescaped(text: str) -> str:
    """Return text or a value as it was before the parser wrote it."""
    if "&" not in text:
        return text
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    return text.replace("&nbsp;", "\xa0").replace("&amp;", "&")


def unescaped_bytes(text: bytes) -> bytes:
    """Return text in UTF-8 as it was before the parser wrote it."""
    if b"&" not in text:
        return text
    text = text.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"')
    return text.replace(b"&nbsp;", b"\xc2\xa0").replace(b"&amp;", b"&")
