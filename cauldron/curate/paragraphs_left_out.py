"""Documents without paragraphs that were found to be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Any

_BLANK_LINE = re.compile(r"\n\s*\n")

Messages = list[dict[str, Any]]


def paragraphs(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the paragraphs of all texts, split at blank lines; they are numbered in this order."""
    for message in messages:
        for part in message["content"]:
            if part["type"] == "text":
                yield from _BLANK_LINE.split(part["text"] or "")


def without_paragraphs(messages: Sequence[dict[str, Any]], gone: Set[int]) -> Messages:
    """Return messages without some paragraphs; a text of which no word is left goes as a whole.

    Args:
        gone: numbers of the paragraphs that leave.
    """
    number = 0
    out = []
    for message in messages:
        content = []
        for part in message["content"]:
            if part["type"] != "text":
                content.append(part)
                continue
            pieces = _BLANK_LINE.split(part["text"] or "")
            kept = [p for k, p in enumerate(pieces, start=number) if k not in gone]
            number += len(pieces)
            if kept and "".join(kept).strip():
                text = part["text"] if len(kept) == len(pieces) else "\n\n".join(kept)
                content.append({"type": "text", "text": text})
        out.append({**message, "content": content})
    return out
