"""The depth of a page and the attributes of its tags, bounded in the text before it is parsed.

The parser follows the HTML standard, which is quadratic in the depth of nesting and in the number
of attributes of a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_MAX_ATTRIBUTES = 1_000
_MAX_ATTRIBUTES_TEXT = 2_000
_WINDOWS = 32
_MANY_TAGS = 20_000  # nested in one another they take half a second
_MISNESTED = 8  # elements between which a formatting element may end
_IMPLIED = frozenset("rt rp optgroup".split())  # without an end tag they nest
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_SCOPES = frozenset("table caption object applet marquee template svg math select".split())
VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr image".split()
)
_END_OPTIONAL = frozenset(
    "p li dt dd td th tr tbody thead tfoot colgroup option optgroup rt rp html head body".split()
)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style|textarea|title|xmp)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/<>]*)"
    r"(?P<rest>(?:=\s*+(?:\"[^\"]*\"|'[^']*')|[^<>])*+)>",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"=\s*+(?:\"[^\"]*\"|'[^']*')")
_LOWER, _LETTER = np.uint64(0x2020202020202020), np.uint64(0x4040404040404040)


def _heads(names: Iterable[str]) -> npt.NDArray[np.uint64]:
    return np.array(sorted(int.from_bytes(n.encode()[:8], "little") for n in names), np.uint64)


_NOT_NESTED = _heads({""} | VOID | _END_OPTIONAL)


def bounded(html: bytes, max_depth: int) -> bytes:
    """Return a page in UTF-8 without tags nested too deeply and attributes of tags with thousands.

    In a page of few tags every end tag is taken to end an element; in one of so many that depth
    would take long, only where it does.
    """
    data = html + b" " * 16
    tags = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("<"))
    if len(tags) <= _MANY_TAGS and _is_easy(data, tags, max_depth):
        return html
    opened = _Opened() if len(tags) > _MANY_TAGS else _Depth()
    return _bounded(html.decode(), max_depth, opened).encode()


def _is_easy(data: bytes, tags: npt.NDArray[np.int64], max_depth: int) -> bool:
    """Say whether tags cannot be nested too deeply nor have thousands of attributes."""
    ends = np.append(tags[1:], len(data))
    long = ends - tags > _MAX_ATTRIBUTES_TEXT
    for tag, end in zip(tags[long].tolist(), ends[long].tolist(), strict=True):
        if data[tag + 1 : tag + 2].isalpha():
            bare, _, _ = _QUOTED.sub("=", data[tag:end].decode(errors="replace")).partition(">")
            if len(bare.split()) > _MAX_ATTRIBUTES:
                return False
    is_end = np.frombuffer(data, np.uint8)[tags + 1] == ord("/")
    return _is_flat(is_end, max_depth) or _is_flat_by_names(data, tags, is_end, max_depth)


def _is_flat(is_end: npt.NDArray[np.bool_], max_depth: int) -> bool:
    """Say whether depth stays in bounds even if in no window of tags an element were closed."""
    step = max(len(is_end) // _WINDOWS, 1)
    starts = np.arange(0, len(is_end), step)
    ends = np.add.reduceat(is_end, starts, dtype=np.int64) if len(starts) else starts
    opened = np.diff(np.append(starts, len(is_end))) - ends
    before = np.cumsum(opened - ends) - (opened - ends)
    return bool((before + opened <= max_depth).all())


def _is_flat_by_names(
    data: bytes,
    tags: npt.NDArray[np.int64],
    is_end: npt.NDArray[np.bool_],
    max_depth: int,
) -> bool:
    """Say whether depth stays in bounds, counting only elements that must be closed."""
    octets = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    heads = octets[tags + 1 + is_end] | _LOWER
    after = ~heads & _LETTER
    heads &= ((after & -after) >> np.uint64(6)) - np.uint64(1)  # up to what is not a letter
    nests = np.where(is_end, -1, 1)
    found = np.searchsorted(_NOT_NESTED[:-1], heads)
    nests[_NOT_NESTED[found] == heads] = 0
    depth = np.cumsum(nests)
    return bool((depth - np.minimum(np.minimum.accumulate(depth), 0)).max(initial=0) <= max_depth)


class _Depth:
    """How many elements are open if every end tag ends one."""

    optional = _END_OPTIONAL

    def __init__(self) -> None:
        self.depth = 0

    def open(self, name: str) -> None:
        """Begin an element."""
        self.depth += 1

    def close(self, name: str) -> None:
        """End an element."""
        self.depth = max(self.depth - 1, 0)


class _Opened(_Depth):
    """How many elements are open if an end tag ends only the last one of its name.

    Formatting elements may also end inside others, as the HTML standard has it.
    """

    optional = _END_OPTIONAL - _IMPLIED

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def open(self, name: str) -> None:
        """Begin an element."""
        self.names.append(name)
        self.depth = len(self.names)

    def close(self, name: str) -> None:
        """End an element, if it is open."""
        names, implied = self.names, 0
        while implied < self.depth and names[-1 - implied] in _IMPLIED - {name}:
            implied += 1
        if implied < self.depth and names[-1 - implied] == name:
            del names[self.depth - 1 - implied :]
        elif name in _FORMATTING:
            self._close_inside(name)
        self.depth = len(names)

    def _close_inside(self, name: str) -> None:
        for place in range(1, min(_MISNESTED, self.depth) + 1):
            if self.names[-place] == name:
                del self.names[-place]
                break
            if self.names[-place] in _SCOPES:
                break


def _bounded(html: str, max_depth: int, opened: _Depth) -> str:
    """Drop tags nested too deeply and attributes of tags that have thousands of them."""

    def keep(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        name, close, rest = match["name"].lower(), match["close"], match["rest"]
        if not close and len(rest) > _MAX_ATTRIBUTES_TEXT:
            rest = rest if len(_QUOTED.sub("=", rest).split()) <= _MAX_ATTRIBUTES else ""
        if name not in VOID and name not in opened.optional:
            before = opened.depth
            (opened.close if close else opened.open)(name)
            if max(before, opened.depth) > max_depth:
                return ""
        return f"<{close}{match['name']}{rest}>"

    return _TAG.sub(keep, html)
