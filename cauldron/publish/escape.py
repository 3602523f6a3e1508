"""Text of unknown origin inside Markdown: it is shown, and never acts."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&=+,;%-]+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$@])")


def inline(text: object) -> str:
    """Return text for one line or table cell: no markup, no HTML, no line break."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))


def address(text: str) -> str:
    """Return a link to a web address; anything else as plain text."""
    return f"<{text}>" if _ADDRESS.fullmatch(text) else inline(text)


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to a web address, where it is one."""

    text: str
    url: str

    def __str__(self) -> str:
        shown = inline(self.text)
        return f"[{shown}]({self.url})" if _ADDRESS.fullmatch(self.url) else shown


def block(text: str, language: str = "") -> str:
    """Return a fenced block that its own content cannot close."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown.strip()}\n{fence}"


def table(head: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table; numbers stand to the right, all cells are escaped."""
    numeric = [all(isinstance(r[k], int | float) for r in rows) for k in range(len(head))]
    lines = [head, ["---:" if right else "---" for right in numeric]]
    cells = [[_number(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [*lines, *cells])


def _number(cell: object) -> str:
    if isinstance(cell, Link):
        return str(cell)
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else inline(cell)
