"""Geo170K: drawings of plane geometry, first described, then reasoned on, by GPT-3.5.

Gao et al. 2023, G-LLaVA: Solving Geometric Problem with Multi-Modal Large Language Model,
arXiv:2312.11370. Descriptions (`alignment`) and problems (`qa_tuning`) on one drawing become one
sample; they do not build on each other.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import dialogue, spoken_in
from cauldron.sources._llava import llava_forms, pictures_in, unmarked
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    said = dialogue([(speaker, unmarked(text(words))) for speaker, words in spoken_in(row)])
    if isinstance(said, Reject):
        return said
    pictures = tuple(pictures_in(row))
    if not pictures:
        return Reject(reason="image_missing", detail="the record names no drawing")
    return Draft(images=pictures, turns=said.turns, notes=said.notes)


SOURCE = Source(
    name="geo170k",
    forms=llava_forms(
        "geo170k",
        {
            "train": ("alignment.json", "qa_tuning.json"),
            "alignment": ("alignment.json",),
            "qa_tuning": ("qa_tuning.json",),
        },
        "alignment.json and qa_tuning.json of Luckyjhg/Geo170K",
        _convert,
        "images.zip of Luckyjhg/Geo170K, packed or unpacked beside the JSON files",
        key=lambda row: text(row.data["image"]).removesuffix(".png"),
        tables={
            "train": ("alignment", "qa_tuning"),
            "alignment": ("alignment",),
            "qa_tuning": ("qa_tuning",),
        },
    ),
)
