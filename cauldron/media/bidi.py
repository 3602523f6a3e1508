"""The order in which a line of mixed direction is read: Arabic and Hebrew beside Latin and digits.

A line is cut into runs of one direction and the runs are put in visual order. From: Unicode
Standard Annex 9, without explicit embeddings (rules W1 to W7, N0 to N2, L2).
"""

from __future__ import annotations

import itertools
import unicodedata

_RIGHT = frozenset({"R", "AL"})
_MAX_OPEN = 63
_BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）", "【": "】", "「": "」"}


def right_to_left(text: str) -> bool:
    """Say whether a text reads from the right: the direction of its first strong letter."""
    if text.isascii():
        return False
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in _RIGHT:
            return True
        if kind == "L":
            return False
    return False


def visual_runs(text: str, rtl: bool = False) -> list[tuple[str, bool]]:
    """Return runs from left to right, each in reading order with its direction.

    Args:
        text: one line.
        rtl: the direction of the whole text that the line is part of.
    """
    kinds = _resolved(text, rtl)
    levels = [_level(kind, rtl) for kind in kinds]
    runs: list[tuple[int, str]] = []
    at = 0
    for level, same in itertools.groupby(levels):
        length = len(list(same))
        runs.append((level, text[at : at + length]))
        at += length
    for threshold in range(max(levels, default=0), 0, -1):
        runs = _reversed_from(runs, threshold)
    return [(piece, level % 2 == 1) for level, piece in runs]


def _level(kind: str, rtl: bool) -> int:
    if kind == "R":
        return 1
    return 2 if rtl or kind == "N" else 0


def _reversed_from(runs: list[tuple[int, str]], threshold: int) -> list[tuple[int, str]]:
    out: list[tuple[int, str]] = []
    for high, group in itertools.groupby(runs, key=lambda run: run[0] >= threshold):
        found = list(group)
        out += reversed(found) if high else found
    return out


def _resolved(text: str, rtl: bool) -> list[str]:
    """Return L, R or N (a number beside right-to-left text) for every character."""
    base = "R" if rtl else "L"
    out = _numbers([unicodedata.bidirectional(char) for char in text], base)
    for start, end in _bracket_pairs(text):
        out[start] = out[end] = _bracket_side(out, start, end, base)
    for start, end in _neutral_spans(out):
        before = out[start - 1] if start else base
        after = out[end] if end < len(out) else base
        sides = {_side(before), _side(after)}
        out[start:end] = [sides.pop() if len(sides) == 1 else base] * (end - start)
    return out


def _side(kind: str) -> str:
    return "R" if kind == "N" else kind


def _bracket_pairs(text: str) -> list[tuple[int, int]]:
    """Return places of brackets that open and close each other, by where they open."""
    pairs: list[tuple[int, int]] = []
    opened: list[int] = []
    for number, char in enumerate(text):
        if char in _BRACKETS:
            opened.append(number)
        elif char in _BRACKETS.values():
            fitting = [n for n in opened[-_MAX_OPEN:] if _BRACKETS[text[n]] == char]
            if fitting:
                pairs.append((fitting[-1], number))
                del opened[opened.index(fitting[-1]) :]
    return sorted(pairs)


def _bracket_side(kinds: list[str], start: int, end: int, base: str) -> str:
    """Return the direction of a pair of brackets: that of the text if it stands inside."""
    inside = {_side(kind) for kind in kinds[start + 1 : end] if kind}
    if not inside or base in inside:
        return base if inside else ""
    before = next((_side(kind) for kind in reversed(kinds[:start]) if kind), base)
    return base if before == base else inside.pop()


def _numbers(kinds: list[str], base: str) -> list[str]:
    """Resolve strong letters, marks and numbers; what is left as "" is neutral."""
    out: list[str] = []
    strong = base
    for number, kind in enumerate(kinds):
        following = kinds[number + 1] if number + 1 < len(kinds) else ""
        before = out[-1] if out else ""
        is_number = kind in ("EN", "AN")
        if kind == "NSM":
            out.append(before)
        elif kind == "L" or kind in _RIGHT:
            strong = "L" if kind == "L" else "R"
            out.append(strong)
        elif kind in ("ES", "CS") and number and kinds[number - 1] in ("EN", "AN"):
            out.append(before if following == kinds[number - 1] else "")
        elif kind == "ET":
            joined = number and kinds[number - 1] == "EN"
            leads = _leads_to_number(kinds, number)
            out.append(("L" if strong == "L" else "N") if joined or leads else "")
        elif is_number:
            out.append("L" if kind == "EN" and strong == "L" else "N")
        else:
            out.append("")
    return out


def _leads_to_number(kinds: list[str], start: int) -> bool:
    rest = itertools.dropwhile(lambda kind: kind == "ET", kinds[start:])
    return next(rest, "") == "EN"


def _neutral_spans(kinds: list[str]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for neutral, group in itertools.groupby(range(len(kinds)), key=lambda n: not kinds[n]):
        found = list(group)
        if neutral:
            spans.append((found[0], found[-1] + 1))
    return spans
