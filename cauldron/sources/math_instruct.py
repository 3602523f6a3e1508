"""MathInstruct: mathematics solved in words and in Python programs, from thirteen sets.

Yue et al. 2023, MAmmoTH: Building Math Generalist Models through Hybrid Instruction Tuning,
arXiv:2309.05653. Programs are kept letter for letter; none is run.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    return pair(row, row.data["instruction"], row.data["output"], ("source",))


SOURCE = Source(
    name="math_instruct",
    forms=record_forms(
        "math_instruct",
        {"train": ("MathInstruct.json",)},
        {"instruction", "output"},
        _convert,
        "MathInstruct.json of TIGER-Lab/MathInstruct",
    ),
)
