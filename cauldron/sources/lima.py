"""LIMA: a thousand careful answers, thirty of them dialogues of several turns.

Zhou et al. 2023, LIMA: Less Is More for Alignment, arXiv:2305.11206. A conversation is a list of
texts, of the user and the assistant in turn. Most prompts of the test split have no answer.
"""

from __future__ import annotations

from itertools import cycle

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import dialogue, fields, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    said = zip(cycle(("user", "assistant")), row.data["conversations"])
    return dialogue(said, fields(row, ("source",)))


SOURCE = Source(
    name="lima",
    forms=record_forms(
        "lima",
        {"train": ("train.jsonl",), "test": ("test.jsonl",)},
        {"conversations", "source"},
        _convert,
        "train.jsonl of GAIR/lima (its terms have to be accepted first)",
    ),
)
