"""MetaMathQA: questions of GSM8K and MATH asked in other ways, with answers step by step.

Yu et al. 2023, MetaMath: Bootstrap Your Own Mathematical Questions for Large Language Models,
arXiv:2309.12284. All questions come from the training parts; the original one stays in the extra.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    return pair(row, row.data["query"], row.data["response"], ("type", "original_question"))


SOURCE = Source(
    name="metamathqa",
    forms=record_forms(
        "metamathqa",
        {"train": ("MetaMathQA-395K.json", "MetaMathQA.json")},
        {"query", "response"},
        _convert,
        "MetaMathQA-395K.json of meta-math/MetaMathQA",
    ),
)
