"""MathVista: the answer that a reply gives, brought to the form of the reference.

Lu et al. 2023, MathVista, arXiv:2310.02255, and the evaluation program released with it. That
program asks a paid model where its rules find no answer; here such a reply is not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cauldron.evaluate.metrics.distance import edit_distance

FREE_TYPES = ("integer", "float", "list")

_QUOTED = re.compile(r'The answer is "(.*)"\.')
_LETTER = re.compile(r"\(([a-zA-Z])\)")


def extract(reply: str, choices: Sequence[str] | None, answer_type: str) -> str | None:
    """Return the answer in a reply by the official rules, or None where a model would be asked.

    Args:
        choices: texts of the options of a multiple-choice question, else None.
        answer_type: "text", or one of FREE_TYPES.
    """
    if not reply or (choices is not None and reply in choices):
        return reply
    try:
        if answer_type == "integer":
            return str(int(reply))
        if answer_type == "float":
            return str(float(reply))
    except ValueError:
        pass
    quoted = _QUOTED.search(reply)
    return quoted.group(1) if quoted else None


def normalize_choice(extraction: str, choices: Sequence[str]) -> str:
    """Return the option that an answer means: by its letter, or else of the nearest spelling.

    Every answer means some option, even an empty one.
    """
    extraction = extraction.strip()
    if letter := _LETTER.search(extraction):
        extraction = letter.group(1).upper()
    place = ord(extraction) - ord("A") if len(extraction) == 1 else -1
    if 0 <= place < len(choices):
        return choices[place]
    return min(choices, key=lambda choice: edit_distance(extraction, choice))


def normalize_free(extraction: str, answer_type: str, precision: Any) -> str | None:
    """Return an answer in the form of its type, or None if it is not of that type.

    Args:
        answer_type: "integer", "float" or "list".
        precision: decimals of a float.
    """
    try:
        if answer_type == "integer":
            return str(int(float(extraction)))
        if answer_type == "float":
            return str(round(float(extraction), int(precision)))
    except (ValueError, TypeError, OverflowError):
        return None
    return extraction
