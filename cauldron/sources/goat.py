"""Goat: arithmetic on large numbers, with the steps of long multiplication and division.

Liu and Low 2023, Goat: Fine-tuned LLaMA Outperforms GPT-4 on Arithmetic Tasks, arXiv:2305.14201.
The instruction is a sum inside one of several hundred wordings, some of them noisy on purpose; the
bare sum and the bare answer stay in the extra.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    data = row.data
    asked = data["input"] if row.plain else data["instruction"]
    return pair(row, asked, data["output"], ("input", "answer"))


SOURCE = Source(
    name="goat",
    forms=record_forms(
        "goat",
        {"train": ("dataset.json",)},
        {"instruction", "input", "output", "answer"},
        _convert,
        "dataset.json of tiedong/goat",
    ),
)
