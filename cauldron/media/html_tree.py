"""A web page as a flat list of nodes in reading order, made in bounded time and without recursion.

The parser follows the HTML standard, which is quadratic in the depth of nesting and in the number
of attributes of a tag. Both are therefore bounded in the text before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cauldron.media.limits import LIMITS, Limits

_EASY_BYTES = 100_000  # smaller pages with few tags cannot take long
_EASY_TAGS = 4_096
_MAX_ATTRIBUTES_TEXT = 2_000
_MAX_TEXT_NODES = 1_000
VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr image".split()
)
_END_OPTIONAL = frozenset(
    "p li dt dd td th tr tbody thead tfoot colgroup option optgroup rt rp html head body".split()
)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style|textarea|title|xmp)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/<>]*)(?P<rest>[^<>]*)>",
    re.IGNORECASE | re.DOTALL,
)
_SELF_CLOSED = re.compile(r"<([a-zA-Z][\w:.-]*)((?:\s[^<>]*)?)/>")
_XHTML = re.compile(r"\s*<\?xml\b|\s*<!DOCTYPE[^>]*\bXHTML\b", re.IGNORECASE)


@dataclass(slots=True)
class Node:
    """An element (or a text: `tag` is empty) of a page.

    Args:
        parent: index of the parent in the list, -1 for the root.
        end: index behind the last node inside this one.
    """

    tag: str
    parent: int
    attrs: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    end: int = 0

    @property
    def tokens(self) -> set[str]:
        """The class and id tokens in lower case."""
        named = f"{self.attrs.get('class', '')} {self.attrs.get('id', '')}"
        return set(named.lower().split())


def read_nodes(html: str, limits: Limits = LIMITS) -> tuple[list[Node], bool]:
    """Parse a page; return its nodes in reading order, and whether it was cut at the node limit.

    Elements nested deeper than `max_html_depth` are left out, their text and pictures stay. The
    caption of a figure stands behind its other children.
    """
    if _XHTML.match(html):
        html = _SELF_CLOSED.sub(_opened_and_closed, html)
    if len(html) > _EASY_BYTES or html.count("<") > _EASY_TAGS:
        html = _bounded(html, limits.max_html_depth)
    root = LexborHTMLParser(html).root
    nodes: list[Node] = []
    if root is None:
        return nodes, False
    cut = _fill(nodes, root, limits)
    return nodes, cut


def _opened_and_closed(match: re.Match[str]) -> str:
    name, rest = match[1], match[2]
    return match[0] if name.lower() in VOID else f"<{name}{rest}></{name}>"


def _bounded(html: str, max_depth: int) -> str:
    """Drop tags nested too deeply and attributes of tags that have thousands of them."""
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        if match["name"] is None:
            return match[0]
        name, close, rest = match["name"].lower(), match["close"], match["rest"]
        if not close and len(rest) > _MAX_ATTRIBUTES_TEXT and len(rest.split()) > 1_000:
            rest = ""
        if name not in VOID and name not in _END_OPTIONAL:
            depth = max(depth - 1, 0) if close else depth + 1
            if depth + bool(close) > max_depth:
                return ""
        return f"<{close}{match['name']}{rest}>"

    return _TAG.sub(keep, html)


def _fill(nodes: list[Node], root: LexborNode, limits: Limits) -> bool:
    """Append the nodes below `root` in reading order; say whether the limit cut them short."""
    todo: list[tuple[LexborNode | None, int, int]] = [(root, -1, 0)]
    while todo:
        found, parent, depth = todo.pop()
        if found is None:
            nodes[parent].end = len(nodes)
            continue
        if len(nodes) >= limits.max_html_nodes:
            _close_all(nodes)
            return True
        tag = found.tag or ""
        if tag == "-text":
            nodes.append(
                Node(tag="", parent=parent, text=found.text_content or "", end=len(nodes) + 1)
            )
        elif tag and tag[0] not in "-!":
            index = parent
            if depth <= limits.max_html_depth or tag == "img":
                index = len(nodes)
                attrs = {name: value or "" for name, value in found.attributes.items()}
                nodes.append(Node(tag=tag, parent=parent, attrs=attrs))
                todo.append((None, index, depth))
            todo.extend((child, index, depth + 1) for child in _reversed_children(found, tag))
    return False


def _close_all(nodes: list[Node]) -> None:
    for node in nodes:
        node.end = node.end or len(nodes)


def _reversed_children(node: LexborNode, tag: str) -> list[LexborNode]:
    children = []
    child = node.first_child
    while child is not None:
        children.append(child)
        child = child.next
    if tag == "figure":
        children.sort(key=lambda c: c.tag == "figcaption")
    return children[::-1]


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
