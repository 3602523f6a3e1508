"""RobuT over WikiSQL: questions on tables of Wikipedia, many in changed forms.

Zhao et al. 2023, RobuT, arXiv:2306.14321; Zhong et al. 2017, Seq2SQL, arXiv:1709.00103. Answers
come from a query, so that numbers may be written as `12003.0` where the table shows `12,003`: the
spelling of the cell is taken.
"""

from __future__ import annotations

from typing import Any

from cauldron.phrasing import answered, asked, text
from cauldron.readers.raw import Row
from cauldron.sample import Turn
from cauldron.sources._robut import rejoined, robut_forms
from cauldron.sources._wording import tight
from cauldron.sources.base import Source


def _said(row: Row) -> tuple[tuple[Turn, ...], dict[str, int]]:
    answers = [text(answer).strip() for answer in row.data["answers"]]
    shown = [_as_shown(answer, row.data["table"]["rows"]) for answer in answers]
    turn = Turn(
        user=asked(row, tight(text(row.data["question"]))),
        assistant=answered(row, rejoined(answers if row.plain else shown)),
        extra={"answers": answers},
    )
    changed = sum(one != other for one, other in zip(answers, shown, strict=True))
    return (turn,), {"number_spelt_as_in_cell": changed} if changed and not row.plain else {}


def _as_shown(answer: str, rows: list[list[Any]]) -> str:
    """Return the cell that is the same number as the answer, else the answer without `.0`."""
    value = _number(answer)
    if value is None:
        return answer
    cells = [text(cell).strip() for row in rows for cell in row]
    if answer in cells:
        return answer
    same = (cell for cell in cells if _number(cell) == value)
    return next(same, answer.removesuffix(".0"))


def _number(value: str) -> float | None:
    digits = value.replace(",", "").strip()
    try:
        return float(digits) if digits[:1] in "+-.0123456789" else None
    except ValueError:
        return None


SOURCE = Source(
    name="robut_wikisql",
    forms=robut_forms("robut_wikisql", "wikisql", _said, percent=15),
)
