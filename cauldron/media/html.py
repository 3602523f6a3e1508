"""A web page as text and pictures in reading order, furniture taken out.

Every content picture is kept with what the page says about it; how large a picture or how long a
text must be is a matter of rules, not of extraction.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from cauldron.media.charset import Decoded, decode
from cauldron.media.html_boilerplate import around, content_of, summed
from cauldron.media.html_flow import Flow
from cauldron.media.html_layout import Layout, clean
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
from cauldron.media.html_pieces import Bools
from cauldron.media.html_tags import (
    FIGURE_LIKE,
    IMAGE,
    MATH,
    NOSCRIPT,
    PICTURE,
    TELLING,
    TEX_SCRIPT,
    tokens_of,
    unescaped,
)
from cauldron.media.html_tree import Tree, has, read_tree
from cauldron.media.limits import LIMITS, Limits

_HREF = re.compile(rb' href="([^"]*)"')
MAX_REPEATS = 2
"""A picture painted more often on one page is a bullet or an ornament."""

_NOT_HTML = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"RIFF")


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
    tree = read_tree(decoded.octets, limits, simplify=True)
    return _Reading(tree, Base(url=url, path=path), limits).page(decoded)


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
    if data.startswith(_NOT_HTML) or _is_binary(decoded.octets):
        raise PageError("not_html", f"begins with {data[:8].hex(' ')}")
    return decoded


def _is_binary(octets: bytes) -> bool:
    """Say whether more than a twentieth of the characters of a text in UTF-8 are zeros."""
    zeros = octets.count(b"\0")
    return zeros > 0 and zeros * 20 > len(octets.decode())


class _Reading:
    """What a page shows, and what it says of itself."""

    def __init__(self, tree: Tree, base: Base, limits: Limits) -> None:
        self.tree, self.limits = tree, limits
        self.telling: dict[str, list[int]] = {}
        for place in tree.having(TELLING):
            self.telling.setdefault(tree.name(place), []).append(place)
        self.base = self._based(base)
        self.content = content_of(tree)
        self.notes: Counter[str] = Counter()
        self._named_by: dict[int, list[str]] = {}
        self._addresses_seen: dict[str, str] = {}
        self._captions: dict[int, str] = {}
        self._captions_below: dict[int, str] = {}
        self._sets = set(tree.having(PICTURE))
        figures = np.array(tree.having(FIGURE_LIKE), np.int64)
        self._in_figure = around(tree, figures) > 0
        self._seen: dict[tuple[bytes | int, str, str], tuple[PagePicture | str | None, str]] = {}

    def _based(self, base: Base) -> Base:
        hrefs = (self.tree.attrs(n).get("href") for n in self.telling.get("base", ()))
        href = next((href for href in hrefs if href), None)
        return base.moved(href) if href else base

    def page(self, decoded: Decoded) -> Page:
        """Read everything and return the page."""
        tree = self.tree
        formulas = self._formulas()
        self.layout = Layout(tree, self.content, self._pictures(), formulas)
        flow: Flow[PagePicture] = Flow(self.layout, self._picture)
        parts = self._without_ornaments(flow.set())
        if flow.navigation_lines:
            self.notes["navigation_line"] = flow.navigation_lines
        if tree.cut:
            self.notes["html_nodes_over_limit"] += 1
        attrs = next((tree.attrs(n) for n in self.telling.get("html", ())), {})
        titles = self.telling.get("title")
        return Page(
            parts=tuple(parts),
            title=clean(tree.text_of(titles[0])) if titles else "",
            url=self._own_address(),
            language=(attrs.get("lang") or attrs.get("xml:lang") or "")[:40],
            encoding=decoded.encoding,
            encoding_by=decoded.by,
            notes={reason: self.notes[reason] for reason in sorted(self.notes)},
        )

    def _own_address(self) -> str:
        for place in sorted(self.telling.get("link", []) + self.telling.get("meta", [])):
            attrs = self.tree.attrs(place)
            if attrs.get("rel", "").lower() == "canonical":
                return attrs.get("href", "")[:MAX_ABOUT]
            if attrs.get("property") == "og:url":
                return attrs.get("content", "")[:MAX_ABOUT]
        return ""

    def _formulas(self) -> dict[int, str]:
        """Return formulas by the place of a text; what else their elements hold is left out."""
        tree, content = self.tree, self.content
        told: dict[int, str] = {}
        for place in tree.having(MATH):
            if content.tags[place]:
                end = int(tree.ends[place])
                told.update(dict.fromkeys(range(place + 1, end + 1), ""))
                told[place + 1] = self._math(place, end)
                content.tags[place + 1 : end] = False
        for place in tree.having(TEX_SCRIPT):
            if self._is_in_content(place):
                told[place + 1] = tex(tree.text_of(place))
        return told

    def _math(self, place: int, end: int) -> str:
        """Return a formula; "" where a picture shows it as well."""
        tree = self.tree
        for up in itertools.islice(tree.ancestors(place), 3):
            if any(token.startswith("mwe-math") for token in tokens_of(tree.raw(up))):
                return ""
        for inside in range(place, end):
            named = tree.name(inside) == "annotation"
            if named and "tex" in tree.attrs(inside).get("encoding", ""):
                return tex(tree.text_of(inside))
        return tree.text_of(place)

    def _pictures(self) -> Bools:
        """Return which tags are pictures: also lazy ones, and a `picture` without an `img`."""
        tree, content = self.tree, self.content
        images = has(tree.starts, IMAGE)
        before = summed(images)
        alone = before[np.minimum(tree.ends, len(images))] == before[:-1]
        found: Bools = content.tags & (images | (has(tree.starts, PICTURE) & alone))
        holders = [
            n for n in tree.having(NOSCRIPT) if self._is_in_content(n) and not content.tags[n]
        ]
        if holders:
            shown = self._addresses(np.flatnonzero(images & content.tags).tolist())
            for place in np.flatnonzero(images & (around(tree, np.array(holders))[:-1] > 0)):
                named = self._addresses([int(place)])
                found[place] = bool(named) and not shown & named
        return found

    def _addresses(self, places: list[int]) -> set[str]:
        named = (address for n in places for address in self._named(n))
        return {self._resolved(address) for address in named}

    def _named(self, place: int) -> list[str]:
        if place not in self._named_by:
            self._named_by[place] = addresses_of(self.tree, place)
        return self._named_by[place]

    def _resolved(self, address: str) -> str:
        if address not in self._addresses_seen:
            self._addresses_seen[address] = self.base.resolve(address)
        return self._addresses_seen[address]

    def _is_in_content(self, place: int) -> bool:
        """Say whether the parent of a tag is content."""
        parent = self.tree.parents[place]
        return parent < 0 or bool(self.content.tags[parent])

    def _picture(self, place: int) -> PagePicture | str | None:
        """Return a picture, the text of a formula, or None with the reason noted."""
        tree, caption = self.tree, ""
        parent = tree.parents[place]
        if self._in_figure[place]:
            known = self._captions_below.get(parent)
            if known is None:
                known = self._captions_below[parent] = caption_of(tree, place, self._captions)
            caption = known
        written, link = tree.page[tree.heads[place] : tree.tails[place]], self._link_of(place)
        own = parent in self._sets or place in self._sets or b" " not in written
        key = (place if own else written, caption, link)
        if key not in self._seen:
            self._seen[key] = self._shown(place, caption, link)
        shown, reason = self._seen[key]
        if reason:
            self.notes[reason] += 1
        return shown

    def _shown(self, place: int, caption: str, link: str) -> tuple[PagePicture | str | None, str]:
        """Return what is shown of a picture, and what is noted of it."""
        attrs = self.tree.attrs(place)
        if written := formula(attrs):
            return clean(written), "formula_as_text"
        sides = [attrs.get(name, "").strip().removesuffix("px") for name in ("width", "height")]
        if all(side in ("0", "1") for side in sides):
            return None, "image_pixel"
        inline: bytes | None = None
        reason = "image_without_address"
        addresses: list[str] = []
        for named in self._named(place):
            try:
                found = inline_bytes(named, self.limits.max_inline_bytes)
            except ValueError:
                reason = "image_inline_unreadable"
                continue
            if found is None:
                address = self._resolved(named)
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
            caption=clean(caption),
            width=sides[0][:20],
            height=sides[1][:20],
            link=link[:MAX_ABOUT],
        ), ""

    def _link_of(self, place: int) -> str:
        """Return where a click on a picture leads, "" for nowhere."""
        link = self.layout.link_before[place]
        if link < 0:
            return ""
        found = _HREF.search(self.tree.page, self.tree.heads[link], self.tree.tails[link])
        return unescaped(found[1].decode()) if found else ""

    def _without_ornaments(self, parts: list[str | PagePicture]) -> list[str | PagePicture]:
        """Leave out pictures that repeat, and join the texts around them."""
        times = Counter(p.addresses or p.inline for p in parts if isinstance(p, PagePicture))
        out: list[str | PagePicture] = []
        texts: list[str] = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
            elif times[part.addresses or part.inline] > MAX_REPEATS:
                self.notes["image_repeated"] += 1
            else:
                out += ["\n\n".join(texts), part] if texts else [part]
                texts = []
        return [*out, "\n\n".join(texts)] if texts else out
