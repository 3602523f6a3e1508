"""Orca-Math: two hundred thousand word problems of the primary school, solved by GPT-4.

Mitra et al. 2024, Orca-Math: Unlocking the potential of SLMs in Grade School Math,
arXiv:2402.14830. Question and answer as published.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair
from cauldron.sources._places import parquet_form
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    return pair(row, row.data["question"], row.data["answer"])


SOURCE = Source(
    name="orca_math",
    forms=(
        parquet_form(
            "orca_math",
            {"question", "answer"}.issubset,
            _convert,
            "Parquet of microsoft/orca-math-word-problems-200k (data/train-*.parquet)",
            name="official",
            splits={"train": ("train",)},
            any_name=True,
        ),
    ),
)
