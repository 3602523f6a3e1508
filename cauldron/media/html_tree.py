"""A web page as a flat list of nodes in reading order, made in bounded time and without recursion.

The parser follows the HTML standard, which is quadratic in the depth of nesting and in the number
of attributes of a tag; both are bounded in the text before it is parsed. What nobody sees is taken
out by the parser itself, and the rest is read from its serialised form: a walk over the tree from
Python would cost ten times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser

from cauldron.media.html_bounds import VOID, bounded
from cauldron.media.limits import LIMITS, Limits

_MAX_TEXT_NODES = 1_000
_SELF_CLOSED = re.compile(r"<([a-zA-Z][\w:.-]*)((?:\s[^<>]*)?)/>")
_XHTML = re.compile(r"\s*<\?xml\b|\s*<!DOCTYPE[^>]*\bXHTML\b", re.IGNORECASE)
# The parser writes `<` and `>` in texts and attributes as entities, so that they part tags; what
# stands inside these elements is written as it is.
_RAW = "script xmp noframes noembed plaintext".split()
_PIECES = re.compile(
    r"<([^<>!sxnp][^<>]*"  # most tags, at once
    rf"|!--.*?--|(?:{'|'.join(_RAW)})\b[^>]*>.*?</(?:{'|'.join(_RAW)})|[^<>]*)>",
    re.DOTALL,
)
_TAGS = re.compile(r"<([^<>]*)>")  # the same where there are no such elements and no comments
INLINE = frozenset(
    "abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q s samp small "
    "span strike strong sub sup time tt u var".split()
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_CONTROL_BYTES = bytes((*range(9), 0x0B, *range(0x0E, 0x20), 0x7F))
_NOT_SHOWN_SCRIPTS = 'script:not([type^="math/tex"])'
_OFTEN_BYTES = 500  # attributes of this length come again
_ATTRIBUTE = re.compile(r'\s([^\s=]+)="([^"]*)"')
_NAMED = re.compile(r'\s(?:class|id)="[^"]*"')


class Node:
    """An element (or a text: `tag` is empty) of a page.

    Args:
        parent: index of the parent in the list, -1 for the root.
        raw: the attributes as written by the parser.
        end: index behind the last node inside this one.
    """

    __slots__ = ("end", "parent", "raw", "tag", "text")

    def __init__(self, tag: str, parent: int, raw: str = "", text: str = "", end: int = 0) -> None:
        self.tag, self.parent, self.raw, self.text, self.end = tag, parent, raw, text, end

    @property
    def attrs(self) -> Mapping[str, str]:
        """The attributes by lower-case name."""
        raw = self.raw
        return _attributes(raw) if len(raw) < _OFTEN_BYTES else _attributes.__wrapped__(raw)

    @property
    def tokens(self) -> frozenset[str]:
        """The class and id tokens in lower case."""
        return tokens_of(self.raw)


_NO_TOKENS: frozenset[str] = frozenset()


def tokens_of(raw: str) -> frozenset[str]:
    """Return the class and id tokens of attributes in lower case."""
    if "class=" not in raw and "id=" not in raw:
        return _NO_TOKENS
    named = "".join(_NAMED.findall(raw))
    return _tokens(named) if len(named) < _OFTEN_BYTES else _tokens.__wrapped__(named)


@lru_cache(maxsize=8192)
def _attributes(raw: str) -> Mapping[str, str]:
    return {name: unescaped(value) for name, value in _ATTRIBUTE.findall(raw)} if raw else {}


@lru_cache(maxsize=8192)
def _tokens(raw: str) -> frozenset[str]:
    attrs = _attributes.__wrapped__(raw)
    return frozenset(f"{attrs.get('class', '')} {attrs.get('id', '')}".lower().split())


def unescaped(text: str) -> str:
    """Return text or a value as it was before the parser wrote it."""
    if "&" not in text:
        return text
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    return text.replace("&nbsp;", "\xa0").replace("&amp;", "&")


def read_nodes(
    html: str,
    limits: Limits = LIMITS,
    never_read: Iterable[str] = (),
    plain: Callable[[str, str], bool] | None = None,
) -> tuple[list[Node], bool]:
    """Parse a page; return its nodes in reading order, and whether it was cut at the node limit.

    Elements nested deeper than `max_html_depth` are left out, their text and pictures stay. The
    caption of a figure stands behind its other children.

    Args:
        never_read: tags that are left out with what is in them.
        plain: says by tag and attributes which inline elements mean nothing; they are left out,
            and what is in them stays.
    """
    if _XHTML.match(html):
        html = _SELF_CLOSED.sub(_opened_and_closed, html)
    parser = LexborHTMLParser(bounded(html, limits.max_html_depth))
    if never_read:
        parser.strip_tags(list(never_read), recursive=True)
        for script in parser.css(_NOT_SHOWN_SCRIPTS):
            script.decompose()
    written = parser.html or ""
    if _may_have_controls(written):
        written = CONTROLS.sub("", written)
    return _Reading(limits, plain).nodes_of(written)


def _may_have_controls(text: str) -> bool:
    """Say whether a text may have characters of `CONTROLS`; sure and fast for ASCII."""
    if not text.isascii():
        return True
    return len(text.encode().translate(None, _CONTROL_BYTES)) != len(text)


def _opened_and_closed(match: re.Match[str]) -> str:
    name, rest = match[1], match[2]
    return match[0] if name.lower() in VOID else f"<{name}{rest}></{name}>"


class _Reading:
    """One pass over the tags and texts of a serialised page."""

    def __init__(self, limits: Limits, plain: Callable[[str, str], bool] | None) -> None:
        self.limits, self.plain = limits, plain
        self.nodes: list[Node] = []
        self.parent = -1

    def nodes_of(self, html: str) -> tuple[list[Node], bool]:
        """Return the nodes, and whether the limit cut them short."""
        nodes, most, deepest = self.nodes, self.limits.max_html_nodes, self.limits.max_html_depth
        opened: list[int] = []  # -1 for an element that is left out
        kinds: dict[str, tuple[str, str, str]] = {}  # few tags are written in many ways
        running: Node | None = None  # the text that a further one goes on
        plainly = "<!--" not in html and not any(f"<{raw}" in html for raw in _RAW)
        pieces = (_TAGS if plainly else _PIECES).split(html)
        pieces.append("")
        for text, tag in zip(pieces[::2], pieces[1::2], strict=True):
            if text:
                if "&" in text:
                    text = unescaped(text)
                if running is None:
                    running = Node("", self.parent, "", text, len(nodes) + 1)
                    nodes.append(running)
                else:
                    running.text += text
            if tag[:1] == "/":
                if opened and (index := opened.pop()) >= 0:
                    node, running = nodes[index], None
                    node.end, self.parent = len(nodes), node.parent
                    if node.tag == "figure":
                        _captions_last(nodes, index)
                continue
            kind, name, raw = kinds.get(tag) or kinds.setdefault(tag, self._kind(tag))
            if kind == _COMMENT:
                continue
            if kind == _PLAIN or (kind == _ELEMENT and len(opened) > deepest):
                opened.append(-1)
            else:
                running, index = None, len(nodes)
                nodes.append(Node(name, self.parent, raw, "", index + 1))
                if kind == _ELEMENT:
                    opened.append(index)
                    self.parent = index
                elif kind == _SOURCE:
                    nodes[index].end = index + 2
                    source = tag.partition(">")[2].rpartition("</")[0]
                    nodes.append(Node("", index, "", source, index + 2))
            if len(nodes) >= most:
                for index in opened:
                    if index >= 0:
                        nodes[index].end = len(nodes)
                return nodes, True
        return nodes, False

    def _kind(self, tag: str) -> tuple[str, str, str]:
        """Return what is made of a tag, its name, and its attributes with a blank in front."""
        if not tag or tag[0] == "!":
            return _COMMENT, "", ""
        head, source, _ = tag.partition(">")
        name, space, raw = head.partition(" ")
        if source:
            kind = _SOURCE
        elif name in VOID:
            kind = _VOID
        else:
            plain = name in INLINE and self.plain and (not raw or self.plain(name, f" {raw}"))
            kind = _PLAIN if plain else _ELEMENT
        return kind, name, space + raw


_COMMENT, _PLAIN, _VOID, _ELEMENT, _SOURCE = "comment", "plain", "void", "element", "source"


def _captions_last(nodes: list[Node], figure: int) -> None:
    """Move the captions of a figure behind its other children."""
    children = [n for n in range(figure + 1, len(nodes)) if nodes[n].parent == figure]
    ordered = sorted(children, key=lambda n: nodes[n].tag == "figcaption")
    if ordered == children:
        return
    moved: list[Node] = []
    for child in ordered:
        shift = figure + 1 + len(moved) - child
        for node in nodes[child : nodes[child].end]:
            node.end += shift
            if node.parent != figure:
                node.parent += shift
            moved.append(node)
    nodes[figure + 1 :] = moved


def ancestors(nodes: list[Node], index: int) -> Iterator[int]:
    """Yield the indexes of the parents of a node, the nearest first."""
    index = nodes[index].parent
    while index >= 0:
        yield index
        index = nodes[index].parent


def text_of(nodes: list[Node], index: int) -> str:
    """Return the text inside a node, white space collapsed; of a vast one its beginning."""
    inside = nodes[index : min(nodes[index].end, index + _MAX_TEXT_NODES)]
    return " ".join("".join(n.text for n in inside if not n.tag).split())
