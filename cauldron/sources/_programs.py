"""Programs of FinQA and MultiHiertt as sums that one would write: `(12 - 10) / 10`.

A program is nested (`divide(subtract(12, 10), 10)`) or a list of steps in which `#0` stands for the
result of the first (`subtract(12, 10), divide(#0, 10)`). Arguments may be any text.
"""

from __future__ import annotations

import re

_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "exp": "**",
    "greater": ">",
}
_OF_TABLE = {
    "table_max": "largest value of",
    "table_min": "smallest value of",
    "table_sum": "sum of",
    "table_average": "average of",
}
_CALL = re.compile(r"\s*([a-z_]+)\s*\((.*)\)\s*", re.DOTALL)
_CONSTANT = re.compile(r"const_(m?)(\d+(?:\.\d+)?)")
_MAX_CHARS = 4_000
_MAX_DEPTH = 30


def infix(program: str) -> str:
    """Return a program as one expression with brackets; results used by no step follow by `; `.

    Raises:
        ValueError: if it is not a program of known operations.
    """
    if len(program) > _MAX_CHARS:
        raise ValueError("a program of too many characters")
    steps: list[str] = []
    used: set[int] = set()
    for call in _split(program, ","):
        steps.append(_written(call, steps, used, 0))
        if len(steps[-1]) > _MAX_CHARS:
            raise ValueError("a program of too many steps")
    return "; ".join(step for number, step in enumerate(steps) if number not in used)


def _written(call: str, steps: list[str], used: set[int], depth: int) -> str:
    match = _CALL.fullmatch(call)
    if not match or depth > _MAX_DEPTH:
        raise ValueError(f"not an operation: {call[:60]!r}")
    operation, inside = match[1], match[2]
    if operation in _OF_TABLE:
        name = re.sub(r",\s*none\s*$", "", inside).strip()
        return f"{_OF_TABLE[operation]} {name}"
    parts = _split(inside, ", ")
    if len(parts) == 1:
        parts = _split(inside, ",")
    if operation not in _SIGNS or len(parts) != 2:
        raise ValueError(f"not an operation on two values: {call[:60]!r}")
    left, right = (_argument(part, steps, used, depth) for part in parts)
    return f"{left} {_SIGNS[operation]} {right}"


def _argument(part: str, steps: list[str], used: set[int], depth: int) -> str:
    part = part.strip()
    if re.fullmatch(r"#\d{1,3}", part):
        number = int(part[1:])
        if number >= len(steps):
            raise ValueError(f"{part} stands before its step")
        used.add(number)
        return f"({steps[number]})"
    constant = _CONSTANT.fullmatch(part)
    if constant:
        return f"(-{constant[2]})" if constant[1] else constant[2]
    match = _CALL.fullmatch(part)
    if match and match[1] in {**_SIGNS, **_OF_TABLE}:
        return f"({_written(part, steps, used, depth + 1)})"
    return f"({part})" if part.startswith("-") else part


def _split(listed: str, comma: str) -> list[str]:
    """Split at the commas that stand outside brackets; `", "` leaves `1,234` in one piece."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(listed):
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0 and listed.startswith(comma, place):
            parts.append(listed[start:place])
            start = place + 1
    return [*parts, listed[start:]]
