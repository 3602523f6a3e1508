"""UltraChat: a million and a half dialogues between two models that play user and assistant.

Ding et al. 2023, Enhancing Chat Language Models by Scaling High-quality Instructional
Conversations, arXiv:2305.14233. JSON lines; `data` lists what user and assistant say in turn.
"""

from __future__ import annotations

from itertools import cycle

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import dialogue, fields, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    said = zip(cycle(("user", "assistant")), row.data["data"])
    return dialogue(said, fields(row, ("id",)))


SOURCE = Source(
    name="ultrachat",
    forms=record_forms(
        "ultrachat",
        {"train": ("train_[0-9].jsonl", "ultrachat*.jsonl")},
        {"id", "data"},
        _convert,
        "train_0.jsonl to train_9.jsonl of openbmb/UltraChat",
    ),
)
