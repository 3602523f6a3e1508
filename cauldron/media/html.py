"""A web page as text and pictures in reading order, furniture taken out.

Every content picture is kept with what the page says about it; how large a picture or how long a
text must be is a matter of rules, not of extraction.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cauldron.media.charset import Decoded, decode
from cauldron.media.html_boilerplate import NEVER_READ, content_mask, is_plain
from cauldron.media.html_flow import LAID_OUT, Flow, clean
from cauldron.media.html_obelics import END_MARK, obelics_parts
from cauldron.media.html_pictures import (
    MAX_ABOUT,
    Base,
    PagePicture,
    addresses_of,
    caption_of,
    formula,
    inline_bytes,
    tex,
)
from cauldron.media.html_tree import Node, ancestors, read_nodes, text_of
from cauldron.media.limits import LIMITS, Limits

MAX_REPEATS = 2
"""A picture painted more often on one page is a bullet or an ornament."""

_NOT_HTML = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"RIFF")
_IMAGES = ("img", "image", "amp-img")
_NOTED = frozenset([*_IMAGES, "html", "title", "base", "link", "meta", "noscript"])


class PageError(Exception):
    """A page that must not or cannot be read; `reason` is a reject reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as read.

    Args:
        parts: texts, and pictures at their places.
        url: the address that the page gives for itself.
        language: as declared, such as `en` or `pt-BR`.
        notes: counted remarks, such as `{"image_svg": 2}`.
    """

    parts: tuple[str | PagePicture, ...] = ()
    title: str = ""
    url: str = ""
    language: str = ""
    encoding: str = ""
    encoding_by: str = ""
    notes: dict[str, int] = field(default_factory=dict)


def read_page(
    data: bytes, *, url: str = "", path: str = "", charset: str = "", limits: Limits = LIMITS
) -> Page:
    """Read a page.

    Args:
        url: its address, for a page that comes from the web.
        path: its path below the folder that also holds its pictures, for a local page.
        charset: as the HTTP header gave it.

    Raises:
        PageError: html_empty, html_too_large or not_html.
    """
    decoded = _decoded(data, charset, limits)
    nodes, cut = read_nodes(decoded.text, limits, NEVER_READ, is_plain)
    reading = _Reading(nodes, Base(url=url, path=path), limits)
    if cut:
        reading.notes["html_nodes_over_limit"] += 1
    return reading.page(decoded)


def read_page_as_obelics(
    data: bytes, *, url: str = "", charset: str = "", limits: Limits = LIMITS
) -> list[Page]:
    """Read the articles of a page as the released OBELICS code does.

    Raises:
        PageError: as `read_page`.
    """
    decoded = _decoded(data, charset, limits)
    articles: list[list[str | PagePicture]] = [[]]
    for part in obelics_parts(decoded.text, url, limits):
        first, *more = part.split(END_MARK) if isinstance(part, str) else [part]
        for number, piece in enumerate([first, *more]):
            if number:
                articles.append([])
            if not isinstance(piece, str) or piece.strip():
                articles[-1].append(piece.strip() if isinstance(piece, str) else piece)
    filled = [article for article in articles if article] or [[]]
    return [
        Page(parts=tuple(article), encoding=decoded.encoding, encoding_by=decoded.by)
        for article in filled
    ]


def _decoded(data: bytes, charset: str, limits: Limits) -> Decoded:
    if not data.strip():
        raise PageError("html_empty")
    if len(data) > limits.max_html_bytes:
        raise PageError("html_too_large", f"{len(data)} bytes")
    decoded = decode(data, charset)
    if data.startswith(_NOT_HTML) or decoded.text.count("\0") * 20 > len(decoded.text):
        raise PageError("not_html", f"begins with {data[:8].hex(' ')}")
    return decoded


class _Reading:
    """One pass over the nodes of a page."""

    def __init__(self, nodes: list[Node], base: Base, limits: Limits) -> None:
        self.nodes, self.limits = nodes, limits
        self.noted: dict[str, list[int]] = {}
        for index, node in enumerate(nodes):
            if node.tag in _NOTED:
                self.noted.setdefault(node.tag, []).append(index)
        self.base = self._based(base)
        self.kept = content_mask(nodes)
        self.shown = self._shown() if "noscript" in self.noted else set()
        self.notes: Counter[str] = Counter()
        self.flow: Flow[PagePicture] = Flow()
        self._linked_until, self._link = 0, -1
        self._captions: dict[int, str] = {}

    def _first(self, tag: str) -> Node | None:
        places = self.noted.get(tag)
        return self.nodes[places[0]] if places else None

    def _based(self, base: Base) -> Base:
        hrefs = (self.nodes[n].attrs.get("href") for n in self.noted.get("base", ()))
        href = next((href for href in hrefs if href), None)
        return base.moved(href) if href else base

    def _shown(self) -> set[str]:
        """Return the addresses of all pictures that stand in the content."""
        places = [n for tag in _IMAGES for n in self.noted.get(tag, ()) if self.kept[n]]
        named = (address for n in places for address in addresses_of(self.nodes, n))
        return {self.base.resolve(address) for address in named}

    def page(self, decoded: Decoded) -> Page:
        """Read everything and return the page."""
        self._walk()
        read = self.flow.end()
        if self.flow.navigation_lines:
            self.notes["navigation_line"] = self.flow.navigation_lines
        html = self._first("html")
        attrs = html.attrs if html else {}
        titles = self.noted.get("title")
        return Page(
            parts=tuple(self._without_ornaments(read)),
            title=clean(text_of(self.nodes, titles[0])) if titles else "",
            url=self._own_address(),
            language=(attrs.get("lang") or attrs.get("xml:lang") or "")[:40],
            encoding=decoded.encoding,
            encoding_by=decoded.by,
            notes={reason: self.notes[reason] for reason in sorted(self.notes)},
        )

    def _own_address(self) -> str:
        for index in sorted(self.noted.get("link", []) + self.noted.get("meta", [])):
            attrs = self.nodes[index].attrs
            if attrs.get("rel", "").lower() == "canonical":
                return attrs.get("href", "")[:MAX_ABOUT]
            if attrs.get("property") == "og:url":
                return attrs.get("content", "")[:MAX_ABOUT]
        return ""

    def _walk(self) -> None:
        opened: list[Node] = []
        ends = len(self.nodes) + 1
        index, nodes, kept, flow = 0, self.nodes, self.kept, self.flow
        while index < len(nodes):
            while index >= ends:
                flow.leave(opened.pop())
                ends = opened[-1].end if opened else len(nodes) + 1
            node = nodes[index]
            tag = node.tag
            if not kept[index]:
                index = self._unseen(index)
                continue
            if not tag:
                flow.text(node.text, index < self._linked_until)
            elif tag in LAID_OUT:
                flow.enter(node, nodes[index + 1 : node.end] if tag == "table" else [])
                opened.append(node)
                ends = node.end
            elif tag in _IMAGES or (tag == "picture" and self._is_lone(node, index)):
                self._picture(index)
            elif tag == "math":
                self._math(index)
                index = node.end
                continue
            elif tag == "a" and ' href="' in node.raw and ' href=""' not in node.raw:
                self._linked_until, self._link = node.end, index
            index += 1
        while opened:
            flow.leave(opened.pop())

    def _is_lone(self, node: Node, index: int) -> bool:
        """Say whether a `picture` has no `img` in it."""
        return not any(inside.tag in _IMAGES for inside in self.nodes[index + 1 : node.end])

    def _unseen(self, index: int) -> int:
        """Pass by a node that is not content, but for lazy pictures and formula sources in it."""
        node = self.nodes[index]
        inside_content = node.parent < 0 or self.kept[node.parent]
        if not inside_content:
            return index + 1
        if node.tag == "noscript":
            for place in range(index + 1, node.end):
                named = addresses_of(self.nodes, place) if self.nodes[place].tag in _IMAGES else []
                if named and not self.shown & {self.base.resolve(address) for address in named}:
                    self._picture(place)
        elif node.tag == "script" and node.attrs.get("type", "").startswith("math/tex"):
            self.flow.text(tex(text_of(self.nodes, index)))
        return node.end

    def _math(self, index: int) -> None:
        pictured = any(
            token.startswith("mwe-math")
            for up in list(ancestors(self.nodes, index))[:3]
            for token in self.nodes[up].tokens
        )
        if pictured:
            return
        node = self.nodes[index]
        for place in range(index, node.end):
            found = self.nodes[place]
            if found.tag == "annotation" and "tex" in found.attrs.get("encoding", ""):
                self.flow.text(tex(text_of(self.nodes, place)))
                return
        self.flow.text(text_of(self.nodes, index))

    def _picture(self, index: int) -> None:
        node = self.nodes[index]
        if written := formula(node):
            self.notes["formula_as_text"] += 1
            self.flow.text(written)
            return
        picture, reason = self._found(index)
        if picture is None:
            self.notes[reason] += 1
        else:
            self.flow.picture(picture, index < self._linked_until)

    def _found(self, index: int) -> tuple[PagePicture | None, str]:
        """Return the picture of an `img`, or the reason why there is none."""
        attrs = self.nodes[index].attrs
        sides = [attrs.get(name, "").strip().removesuffix("px") for name in ("width", "height")]
        if all(side in ("0", "1") for side in sides):
            return None, "image_pixel"
        inline: bytes | None = None
        reason = "image_without_address"
        addresses: list[str] = []
        for named in addresses_of(self.nodes, index):
            try:
                found = inline_bytes(named, self.limits.max_inline_bytes)
            except ValueError:
                reason = "image_inline_unreadable"
                continue
            if found is None:
                address = self.base.resolve(named)
                if not address:
                    reason = "image_address_unusable"
                elif address.split("?")[0].lower().endswith((".svg", ".svgz")):
                    reason = "image_svg"
                else:
                    addresses.append(address)
            elif "svg" in found[0]:
                reason = "image_svg"
            else:
                inline = found[1]
        if not addresses and inline is None:
            return None, reason
        return PagePicture(
            addresses=tuple(dict.fromkeys(addresses)),
            inline=None if addresses else inline,
            alt=clean(attrs.get("alt", "").strip())[:MAX_ABOUT],
            title=clean(attrs.get("title", "").strip())[:MAX_ABOUT],
            caption=clean(caption_of(self.nodes, index, self._captions)),
            width=sides[0][:20],
            height=sides[1][:20],
            link=self._link_of(index)[:MAX_ABOUT],
        ), ""

    def _link_of(self, index: int) -> str:
        """Return where a click on a node leads, "" for nowhere."""
        return self.nodes[self._link].attrs["href"] if index < self._linked_until else ""

    def _without_ornaments(self, parts: list[str | PagePicture]) -> list[str | PagePicture]:
        """Leave out pictures that repeat, and join the texts around them."""
        times = Counter(p.addresses or p.inline for p in parts if isinstance(p, PagePicture))
        out: list[str | PagePicture] = []
        for part in parts:
            if isinstance(part, PagePicture):
                if times[part.addresses or part.inline] > MAX_REPEATS:
                    self.notes["image_repeated"] += 1
                else:
                    out.append(part)
            elif out and isinstance(last := out[-1], str):
                out[-1] = f"{last}\n\n{part}"
            else:
                out.append(part)
        return out
