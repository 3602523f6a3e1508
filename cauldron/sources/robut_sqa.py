"""RobuT over SQA: questions on a table that follow up on each other.

Zhao et al. 2023, RobuT, arXiv:2306.14321; Iyyer et al. 2017, Search-based Neural Structured
Learning for Sequential Question Answering. Questions and answers come as lists written in text.
Their order is kept, and a conversation ends before the first question that has no answer.
"""

from __future__ import annotations

import ast
from typing import Any

from cauldron.phrasing import answered, asked, text
from cauldron.readers.raw import Row
from cauldron.sample import Turn
from cauldron.sources._robut import rejoined, robut_forms
from cauldron.sources._wording import tight
from cauldron.sources.base import Source

_MAX_CHARS = 100_000


def _said(row: Row) -> tuple[tuple[Turn, ...], dict[str, int]]:
    notes: dict[str, int] = {}
    questions = _listed(row.data["question"], notes)
    answers = [_listed(answer, notes) for answer in row.data["answers"]]
    if len(questions) != len(answers):
        notes["questions_unlike_answers"] = 1
    turns: list[Turn] = []
    for question, answer in zip(questions, answers, strict=False):
        said = rejoined(answer)
        if not question.strip() or not said:
            notes["conversation_cut"] = 1
            break
        user = asked(row, tight(question))
        turns.append(Turn(user=user, assistant=answered(row, said), extra={"answers": answer}))
    return tuple(turns), notes


def _listed(value: Any, notes: dict[str, int]) -> list[str]:
    """Return the texts of a list that is written in text; any other text is a list of one."""
    if isinstance(value, list):
        return [text(item) for item in value]
    written = text(value).strip()
    if not written.startswith("["):
        return [written]
    try:
        if len(written) > _MAX_CHARS:
            raise ValueError("a list of too many characters")
        return [text(item) for item in ast.literal_eval(written)]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        notes["list_not_read"] = notes.get("list_not_read", 0) + 1
        return [written]


SOURCE = Source(
    name="robut_sqa",
    forms=robut_forms("robut_sqa", "sqa", _said, percent=10),
)
