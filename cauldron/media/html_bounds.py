"""The depth of a page and the attributes of its tags, bounded in the text before it is parsed.

The parser follows the HTML standard, which is quadratic in the depth of nesting and in the number
of attributes of a tag.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_MAX_ATTRIBUTES = 1_000
_MAX_ATTRIBUTES_TEXT = 2_000
_WINDOWS = 32
VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr image".split()
)
_END_OPTIONAL = frozenset(
    "p li dt dd td th tr tbody thead tfoot colgroup option optgroup rt rp html head body".split()
)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style|textarea|title|xmp)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/<>]*)(?P<rest>[^<>]*)>",
    re.IGNORECASE | re.DOTALL,
)
_LOWER = 0x20202020  # sets the bit of small letters


def _heads(*names: bytes) -> list[int]:
    return [int.from_bytes(name.lower(), "little") for name in names]


_NOT_NESTED_3 = _heads(b"br>", b"br ", b"br/", b"hr>", b"hr ", b"hr/", b"!--")
_NOT_NESTED_4 = _heads(b"img ", b"meta", b"link", b"inpu", b"sour", b"wbr>", b"col>", b"col ")


def bounded(html: str, max_depth: int) -> str:
    """Return a page without tags nested too deeply and the attributes of tags with thousands."""
    return html if _is_easy(html, max_depth) else _bounded(html, max_depth)


def _is_easy(html: str, max_depth: int) -> bool:
    """Say whether tags cannot be nested too deeply nor have thousands of attributes.

    In each window opened tags are counted as if none of them was closed there.
    """
    data = html.encode(errors="replace") + b"     "
    letters = np.frombuffer(data, np.uint8)
    tags = np.flatnonzero(letters == ord("<"))
    ends = np.append(tags[1:], len(data))
    long = ends - tags > _MAX_ATTRIBUTES_TEXT
    for tag, end in zip(tags[long].tolist(), ends[long].tolist(), strict=True):
        written = data[tag:end].partition(b">")[0]
        if written[1:2].isalpha() and len(written.split()) > _MAX_ATTRIBUTES:
            return False
    is_end = letters[tags + 1] == ord("/")
    step = max(len(data) // _WINDOWS, 1_000)
    depth = 0
    bounds = np.searchsorted(tags, np.arange(0, len(data) + step, step)).tolist()
    for first, last in pairwise(bounds):
        closed = np.count_nonzero(is_end[first:last])
        opened = last - first - closed
        if depth + opened > max_depth:
            opened -= _not_nested(letters, tags[first:last])
            if depth + opened > max_depth:
                return False
        depth += opened - closed
    return True


def _not_nested(letters: npt.NDArray[np.uint8], tags: npt.NDArray[np.int64]) -> int:
    """Return how many tags are of elements that have nothing in them."""
    heads = np.full(len(tags), _LOWER, np.uint32)
    for place in range(4):
        heads |= letters[tags + 1 + place].astype(np.uint32) << np.uint32(8 * place)
    threes = np.isin(heads & 0xFFFFFF, _NOT_NESTED_3)
    return int((threes | np.isin(heads, _NOT_NESTED_4)).sum())


def _bounded(html: str, max_depth: int) -> str:
    """Drop tags nested too deeply and attributes of tags that have thousands of them."""
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        if match["name"] is None:
            return match[0]
        name, close, rest = match["name"].lower(), match["close"], match["rest"]
        if not close and len(rest) > _MAX_ATTRIBUTES_TEXT and len(rest.split()) > _MAX_ATTRIBUTES:
            rest = ""
        if name not in VOID and name not in _END_OPTIONAL:
            depth = max(depth - 1, 0) if close else depth + 1
            if depth + bool(close) > max_depth:
                return ""
        return f"<{close}{match['name']}{rest}>"

    return _TAG.sub(keep, html)
