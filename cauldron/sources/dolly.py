"""Dolly 15k: instructions and answers that employees of Databricks wrote.

Conover et al. 2023, databricks-dolly-15k. Where a passage belongs to an instruction, it stands in
front of it on a line of its own; marks such as `[1]` from Wikipedia stay.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    data = row.data
    passage, instruction = text(data.get("context") or ""), text(data["instruction"])
    asked = f"{passage}\n{instruction}" if passage.strip() else instruction
    return pair(row, asked, data["response"], ("category",))


SOURCE = Source(
    name="dolly",
    forms=record_forms(
        "dolly",
        {"train": ("databricks-dolly-15k.jsonl",)},
        {"instruction", "context", "response"},
        _convert,
        "databricks-dolly-15k.jsonl of databricks/databricks-dolly-15k",
    ),
)
