"""A web page read as the released OBELICS code reads it, faults included.

Laurençon et al. 2023, arXiv:2306.16527; from: huggingface/OBELICS, DOM simplification and
pre-extraction. What stands in lists, tables, figures, heads and feet goes with its text, and
addresses of pictures are put behind the host. For comparison with the published documents; the
default extraction (`html.py`) loses less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cauldron.media.html_pictures import PagePicture
from cauldron.media.html_tags import ALONE, CLOSE, OPEN
from cauldron.media.html_tree import Tree, read_tree
from cauldron.media.limits import LIMITS, Limits

END_MARK = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
_BREAK = "\ue00b"
_SPELT_BREAKS = re.compile(r"<br>|<br/>|<br />|</br>")
_UNWRAPPED = frozenset(
    "a abbr acronym b bdi bdo big cite code data dfn em font i ins kbd mark q s samp shadow small "
    "span strike strong sub sup time tt u var wbr".split()
)
_STRUCTURE = frozenset(
    "address article aside blink blockquote body br caption center dd dl dt div figcaption h "
    "hgroup html legend main marquee ol p section summary title ul".split()
)
_MEDIA = frozenset("audio embed figure iframe img object picture video source".split())
_FURNITURE_CLASSES = frozenset(("footer", "site-info"))
_FURNITURE_DIVS = frozenset("footer header navigation nav navbar menu".split())
_SOURCES = (
    "src data-src data-src-fg data-scroll-image srcset data-lateloadsrc data-img-src data-original "
    "data-gt-lazy-src data-lazy data-lazy-src src2"
).split()
_BLANK_LINE = frozenset("blockquote dl h ol p ul".split())
_LINE_FEED = frozenset(
    "address article aside center dd dt div figcaption hgroup legend main marquee section "
    "summary".split()
)
_SEPARATORS = ("", " ", "\n", "\n\n")


@dataclass(eq=False, slots=True)
class _Element:
    """An element of the tree while it is simplified; texts stand among its children."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[_Element | str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The tag without its digits."""
        return re.sub(r"\d", "", self.tag)


def obelics_parts(html: str, url: str, limits: Limits = LIMITS) -> list[str | PagePicture]:
    """Return texts and pictures of a page in order."""
    html = re.sub(r"<!--.*?-->", "", re.sub(" +", " ", re.sub(r"\n+", "\n", html)), flags=re.DOTALL)
    root = _nested(read_tree(_SPELT_BREAKS.sub(_BREAK, html), limits))
    for simplify in (_without_feet, _without_inline, _without_others, _without_dates):
        _everywhere(root, simplify)
    while _emptied(root) | _flattened(root):
        pass
    return _joined(_leaves(root), _host(url) or "")


Simplify = Callable[[_Element, _Element], "list[_Element | str]"]


def _nested(tree: Tree) -> _Element:
    root = _Element("html")
    opened = [root]
    for place, kind in enumerate(tree.kinds.tolist()):
        if text := tree.texts[place]:
            opened[-1].children.append(text)
        if kind & OPEN:
            if place == 0 and tree.name(place) == "html":
                root.attrs = dict(tree.attrs(place))
                opened.append(root)
                continue
            element = _Element(tree.name(place), dict(tree.attrs(place)))
            opened[-1].children.append(element)
            if not kind & ALONE:
                opened.append(element)
        elif kind & CLOSE:
            opened.pop()
    root.children += [tree.texts[-1]] if tree.texts[-1] else []
    return root


def _everywhere(root: _Element, simplify: Simplify) -> None:
    """Replace children, from the leaves up, by what a function makes of each of them."""
    for element in reversed(list(_elements(root))):
        out: list[_Element | str] = []
        for child in element.children:
            out += simplify(child, element) if isinstance(child, _Element) else [child]
        element.children = _merged(out)


def _merged(children: list[_Element | str]) -> list[_Element | str]:
    """Join neighbouring texts."""
    out: list[_Element | str] = []
    for child in children:
        if isinstance(child, str) and out and isinstance(last := out[-1], str):
            out[-1] = last + child
        else:
            out.append(child)
    return out


def _elements(root: _Element) -> Iterator[_Element]:
    todo = [root]
    while todo:
        element = todo.pop()
        yield element
        todo += [child for child in reversed(element.children) if isinstance(child, _Element)]


def _without_feet(element: _Element, parent: _Element) -> list[_Element | str]:
    tokens = set(element.attrs.get("class", "").split())
    if tokens & _FURNITURE_CLASSES:
        return []
    return [END_MARK] if "more-link" in tokens else [element]


def _without_inline(element: _Element, parent: _Element) -> list[_Element | str]:
    return list(element.children) if element.tag in _UNWRAPPED else [element]


def _without_others(element: _Element, parent: _Element) -> list[_Element | str]:
    if element.kind not in _STRUCTURE and element.tag not in _MEDIA:
        return []
    if element.tag == "div":
        named = {element.attrs.get(name, "") for name in ("id", "class", "title")}
        if named & _FURNITURE_DIVS:
            return []
    return [element]


def _without_dates(element: _Element, parent: _Element) -> list[_Element | str]:
    if element.tag == "div" and "date" in element.attrs.get("class", ""):
        element.children = [c for c in element.children if isinstance(c, _Element)]
    return [element]


def _emptied(root: _Element) -> bool:
    """Remove leaves without text and media without a source; say whether there were any."""
    changed = False
    for element in reversed(list(_elements(root))):
        kept = [
            child
            for child in element.children
            if (child.strip() if isinstance(child, str) else _carries(child))
            or (isinstance(child, str) and len(element.children) > 1)
        ]
        changed |= len(kept) < len(element.children)
        element.children = _merged(kept)
    return changed


def _carries(element: _Element) -> bool:
    if element.tag in _MEDIA:
        return element.tag == "figure" or bool(_source(element))
    return element.tag == "br" or bool(element.children)


def _flattened(root: _Element) -> bool:
    """Put the only child of the same tag in the place of its parent."""
    changed = False
    for element in _elements(root):
        while (
            len(element.children) == 1
            and isinstance(only := element.children[0], _Element)
            and only.tag == element.tag
        ):
            element.children, element.attrs, changed = only.children, only.attrs, True
    return changed


def _source(element: _Element) -> str:
    for name in _SOURCES:
        value = element.attrs.get(name, "")
        if value and "," not in value and " " not in value:
            return value
    return ""


def _leaves(root: _Element) -> Iterator[tuple[str | _Element, tuple[_Element, ...]]]:
    """Yield texts and media depth-first, with the elements that they stand in."""
    todo: list[tuple[str | _Element, tuple[_Element, ...]]] = [(root, ())]
    while todo:
        item, above = todo.pop()
        if isinstance(item, str) or item.tag in _MEDIA:
            yield item, above
            continue
        todo += [(child, (*above, item)) for child in reversed(item.children)]


def _joined(
    leaves: Iterator[tuple[str | _Element, tuple[_Element, ...]]], host: str
) -> list[str | PagePicture]:
    parts: list[str | PagePicture] = []
    last: tuple[_Element, ...] | None = None  # the path of the text before, which goes on
    joint = 0
    for item, path in leaves:
        if not isinstance(item, str):
            address = _address(_source(item), host) if item.tag == "img" else ""
            if address or item.tag == "figure":
                last = None
            if address:
                parts.append(PagePicture(addresses=(address,), alt=item.attrs.get("alt", "")))
            continue
        text = re.sub(" +", " ", re.sub(r"[\n\t]", " ", item))
        text = re.sub(f" ?{_BREAK} ?", "\n", text)
        bare = text.strip()
        if not bare:
            joint = max(joint, _asked(text))
            continue
        lead, _, trail = text.partition(bare)
        if last is None or not parts or not isinstance(before := parts[-1], str):
            parts.append(bare)
        else:
            rank = max(joint, _asked(lead), _asked_between(last, path))
            parts[-1] = before + _SEPARATORS[rank] + bare
        last, joint = path, _asked(trail)
    return parts


def _asked(space: str) -> int:
    """Return the rank of the separator that white space stands for."""
    return 2 if "\n" in space else int(bool(space))


def _asked_between(one: tuple[_Element, ...], two: tuple[_Element, ...]) -> int:
    """Return the rank of the strongest separator that elements between two texts ask for."""
    common = 0
    while common < min(len(one), len(two)) and one[common] is two[common]:
        common += 1
    kinds = {element.kind for element in (*one[common:], *two[common:])}
    return 3 if kinds & _BLANK_LINE else 2 if kinds & _LINE_FEED else 0


def _host(address: str) -> str | None:
    """Return the host of an address; None if it is none, such as `https://[x/`."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return None


def _address(source: str, host: str) -> str:
    """Return an address behind the host, without any `./` and `../`, as the original does.

    It is "" where there is none or it names no place.
    """
    if not source or source.startswith("data:") or _host(source) is None:
        return ""
    at = f"https://{host}/" if host else "/"  # a page of a folder: below the folder
    if source.startswith("//"):
        return f"http:{source}"
    if source.startswith(("http://", "https://")):
        return source
    return at + source.replace("../", "").replace("./", "").lstrip("/")


__all__ = ["END_MARK", "obelics_parts"]
