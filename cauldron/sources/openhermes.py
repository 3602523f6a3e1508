"""OpenHermes 2.5: a million dialogues written by GPT-4 and others, gathered by Teknium.

One JSON array (teknium/OpenHermes-2.5), read as a stream. Dialogues keep their order; what the set
says in front of the first question becomes the system message.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import dialogue, fields, record_forms, spoken_in
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    return dialogue(spoken_in(row), fields(row, ("source", "category", "system_prompt")))


SOURCE = Source(
    name="openhermes",
    forms=record_forms(
        "openhermes",
        {"train": ("openhermes2_5.json",)},
        {"conversations"},
        _convert,
        "openhermes2_5.json of teknium/OpenHermes-2.5",
    ),
)
