"""AtlasMathSets: eighteen million sums and equations made from templates.

AtlasUnified/atlas-math-sets. Question and answer as published; so many are alike that the step
`dedup` takes out a large part.
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair, record_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    return pair(row, row.data["instruction"], row.data["output"])


SOURCE = Source(
    name="atlas_math_sets",
    forms=record_forms(
        "atlas_math_sets",
        {
            "train": ("atlas-math-train.jsonl",),
            "val": ("atlas-math-val.jsonl",),
            "test": ("atlas-math-test.jsonl",),
        },
        {"instruction", "output"},
        _convert,
        "atlas-math-train.jsonl of AtlasUnified/atlas-math-sets (data/)",
    ),
)
