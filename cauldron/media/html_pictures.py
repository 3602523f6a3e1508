"""Pictures of a page: where they lie, and what the page says about them.

Addresses are resolved by RFC 3986, with `<base href>`. On a page that is a file below a folder a
relative address becomes a path below that folder; one that climbs out of it keeps its leading
`..`, and one from the root of the site its leading slash.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from cauldron.media.html_tags import CAPTIONED, FIGURE_LIKE, PICTURE
from cauldron.media.html_tree import Tree

_PLACES = (
    "data-src data-original data-lazy-src data-lazy data-original-src data-src-fg data-img-src "
    "data-lateloadsrc data-gt-lazy-src data-scroll-image data-url data-echo data-hi-res-src src"
).split()
_LAZY_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_UNUSABLE_TYPES = ("image/svg", "image/avif", "image/jxl", "image/heic")
_CANDIDATE = re.compile(r"\s*([^\s,]\S*[^\s,]|[^\s,])(?:\s+([\d.]{1,12})([wx]))?[^,]*(?:,|$)")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE)
_LINE_ENDS = re.compile(r"[\t\r\n]")
_SPECIAL = re.compile(r"/\.|[\[#\s\\]|^\.")
_NAMES_SITE = re.compile(r"//[a-zA-Z0-9_.-]+(?::\d+)?/[^?;]*(?:\?[^;]+)?\Z")
_PLAIN_NAME = re.compile(r"[\w%~-][^:?]*\Z")
_LATEX = re.compile(
    r"\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|pi|rho|sigma|tau|phi|psi|omega|infty|sum|int"
    r"|prod|lim|sin|cos|tan|log|ln|exp|cdot|times|leq?|geq?|neq?|pm|to|partial|nabla|left|right"
    r"|quad)(?![a-zA-Z])|\\[a-zA-Z]+\s*\{|[_^]\{"
)
_DISPLAY_STYLE = re.compile(r"\{\\(?:display|text)style\s*(.*)\}\Z", re.DOTALL)
_FORMULA_CLASSES = frozenset("tex latex math mathtex".split())
_MAX_FORMULA_HEIGHT = 80
_FIGURE_LEVELS = 6
_FIGURE_NODES = 200
_PICTURE_TAGS = 200
MAX_ABOUT = 5_000
"""Characters kept of an alternative text, a caption or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A picture as a page shows it.

    Args:
        addresses: URLs, or paths below the page's root, the best first.
        inline: encoded bytes of a `data:` address.
        width: as declared, a number or a percentage.
        link: where a click leads, often to the large picture.
    """

    addresses: tuple[str, ...] = ()
    inline: bytes | None = None
    alt: str = ""
    caption: str = ""
    title: str = ""
    width: str = ""
    height: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What addresses of a page are relative to: a URL, or a path below a folder."""

    url: str = ""
    path: str = ""

    def moved(self, href: str) -> Base:
        """Return the base after `<base href>`."""
        found = self.resolve(href)
        if "://" in found:
            return Base(url=found)
        folder = href.split("?")[0].split("#")[0].endswith(("/", "."))
        return Base(path=posixpath.join(found, "") if folder else found) if found else self

    def resolve(self, address: str) -> str:
        """Return the absolute URL, or the path below the root; "" for what names no file."""
        address = address.strip()
        if self.url and not _SPECIAL.search(address):  # most are: no need to take them apart
            site, folder = _places(self.url)
            if address.startswith(("http://", "https://")):
                return address
            if site and address[:1] == "/" and address[1:2] != "/":
                return site + address
            if site and _NAMES_SITE.match(address):
                return site.partition("/")[0] + address
            if folder and _PLAIN_NAME.match(address):
                return folder + address
        if address.startswith("data:"):
            return ""
        address = _LINE_ENDS.sub("", address).replace("\\", "/")
        try:
            split = urlsplit(address)
            if self.url:
                address = urljoin(self.url, address)
                return address if urlsplit(address).scheme in ("http", "https") else ""
        except ValueError:
            return ""
        if split.netloc:
            return address if split.scheme in ("http", "https") else _with_scheme(address)
        if split.scheme or not split.path:
            return ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), split.path))
        return path + (f"?{split.query}" if split.query else "")


@lru_cache(maxsize=64)
def _places(url: str) -> tuple[str, str]:
    """Return scheme and host of a web address, and the folder of its path; "" for an odd one."""
    try:
        split = urlsplit(url)
    except ValueError:
        return "", ""
    site = f"{split.scheme}://{split.netloc}"
    if split.scheme not in ("http", "https") or not split.netloc or not split.path:
        return "", ""
    folder = split.path.rpartition("/")[0]
    return site, "" if "/." in folder else f"{site}{folder}/"


def _with_scheme(address: str) -> str:
    return f"https:{address}" if address.startswith("//") else ""


def addresses_of(tree: Tree, place: int) -> list[str]:
    """Return what an `img` names, best first: the widest of its sets, lazy names, `src`."""
    attrs = tree.attrs(place)
    sets = [attrs[name] for name in _LAZY_SETS if name in attrs]
    lone = tree.kinds[place] & PICTURE  # one without an `img`
    up, last = (place, int(tree.ends[place])) if lone else (tree.parents[place], place)
    if up >= 0 and tree.kinds[up] & PICTURE:
        sources = [
            tree.attrs(n)
            for n in range(up + 1, min(last, up + _PICTURE_TAGS))
            if tree.name(n) == "source"
        ]
        usable = [its for its in sources if not its.get("type", "").startswith(_UNUSABLE_TYPES)]
        sets += [its[name] for its in usable for name in _LAZY_SETS if name in its]
    named = [attrs[name] for name in _PLACES if name in attrs]
    if sets:
        pairs = [pair for value in sets for pair in _set(value)]
        named[:0] = [address for _, address in sorted(pairs, key=lambda pair: -pair[0])]
    return [a for a in dict.fromkeys(named) if a.strip()]


def _set(value: str) -> list[tuple[float, str]]:
    """Return width (or density) and address of each candidate of a `srcset`."""
    found = []
    for match in _CANDIDATE.finditer(" ".join(value[:20_000].split())):
        size = match[2] if match[2] and match[2].count(".") < 2 and match[2] != "." else "1"
        found.append((float(size), match[1]))
    return found


def inline_bytes(address: str, max_bytes: int) -> tuple[str, bytes] | None:
    """Return media type and bytes of a `data:` address; None when it is not one.

    Raises:
        ValueError: if it is larger than `max_bytes` or not valid.
    """
    address = address.strip()
    if address[:5].lower() != "data:":
        return None
    head = _DATA.match(address)
    if not head:
        raise ValueError("not a data address")
    if len(address) > 3 * max_bytes:
        raise ValueError("too large")
    body = unquote_to_bytes(address[head.end() :])
    if head[3]:
        try:
            body = base64.b64decode(b"".join(body.split()))
        except binascii.Error as error:
            raise ValueError("not base64") from error
    if len(body) > max_bytes:
        raise ValueError("too large")
    return (head[1] or "text/plain").lower(), body


def formula(attrs: Mapping[str, str]) -> str:
    """Return `$...$` for attributes of a picture of a formula, "" for any other picture."""
    alt = attrs.get("alt", "").strip()
    if not alt:
        return ""
    tokens = f"{attrs.get('class', '')} {attrs.get('id', '')}".lower().split()
    if not (
        any(token.startswith("mwe-math") for token in tokens)
        or not _FORMULA_CLASSES.isdisjoint(tokens)
    ):
        height = attrs.get("height", "").strip().removesuffix("px")
        low = not height.isdecimal() or len(height) > 5 or int(height) < _MAX_FORMULA_HEIGHT
        if not low or len(alt) >= 2_000 or not ("\\" in alt or "{" in alt):
            return ""
        if not _LATEX.search(alt):
            return ""
    return tex(alt)


def tex(source: str) -> str:
    """Return LaTeX between dollar signs, without the wrapper that wikis put around it."""
    source = source.strip().strip("$").strip()
    wrapped = _DISPLAY_STYLE.match(source)
    return f"${(wrapped[1] if wrapped else source).strip()}$"


def caption_of(tree: Tree, place: int, known: dict[int, str]) -> str:
    """Return the caption of the figure that a picture stands in, or an empty string.

    Args:
        known: captions of figures that were looked at before, filled here.
    """
    parents, up = tree.parents, tree.parents[place]
    for _ in range(_FIGURE_LEVELS):
        if up < 0:
            break
        caption = known.get(up)
        if caption is None:
            caption = _caption_in(tree, up) if tree.kinds[up] & FIGURE_LIKE else ""
            known[up] = caption
        if caption:
            return caption
        up = parents[up]
    return ""


def _caption_in(tree: Tree, figure: int) -> str:
    """Return the text of the first of the first nodes of a figure that is named for a caption."""
    captions = tree.having(CAPTIONED)
    found = bisect_right(captions, figure)
    if found == len(captions) or captions[found] >= tree.within(figure, _FIGURE_NODES - 1):
        return ""
    return tree.text_of(captions[found])[:MAX_ABOUT]
