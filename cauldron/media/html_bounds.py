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
_LOWER, _LETTER = np.uint64(0x2020202020202020), np.uint64(0x4040404040404040)


def _heads(names: Iterable[str]) -> npt.NDArray[np.uint64]:
    return np.array(sorted(int.from_bytes(n.encode()[:8], "little") for n in names), np.uint64)


_NOT_NESTED = _heads({""} | VOID | _END_OPTIONAL)


def bounded(html: str, max_depth: int) -> str:
    """Return a page without tags nested too deeply and the attributes of tags with thousands."""
    return html if _is_easy(html, max_depth) else _bounded(html, max_depth)


def _is_easy(html: str, max_depth: int) -> bool:
    """Say whether tags cannot be nested too deeply nor have thousands of attributes."""
    data = html.encode(errors="replace") + b" " * 16
    letters = np.frombuffer(data, np.uint8)
    tags = np.flatnonzero(letters == ord("<"))
    ends = np.append(tags[1:], len(data))
    long = ends - tags > _MAX_ATTRIBUTES_TEXT
    for tag, end in zip(tags[long].tolist(), ends[long].tolist(), strict=True):
        written = data[tag:end].partition(b">")[0]
        if written[1:2].isalpha() and len(written.split()) > _MAX_ATTRIBUTES:
            return False
    is_end = letters[tags + 1] == ord("/")
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
