"""SVIT: dialogues, reasoning, references and descriptions on Visual Genome, written by GPT-4.

Zhao et al. 2023, SVIT: Scaling up Visual Instruction Tuning, arXiv:2307.04087. Read are its files
in the shape of LLaVA, and its own, where a picture has a list of conversations.
"""

from __future__ import annotations

from dataclasses import replace

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._chats import dialogue, spoken_in
from cauldron.sources._llava import chat, llava_forms
from cauldron.sources._places import placed
from cauldron.sources.base import Source

_FOLDERS = ("VG_100K", "VG_100K_2", "vg/VG_100K", "vg/VG_100K_2", "raw/images", "images")


def _convert(row: Row) -> Draft | Reject | Skip:
    told = row.data["conversations"]
    if not (told and isinstance(told[0], dict) and "content" in told[0] and "from" not in told[0]):
        return chat(row)
    said = [
        turn
        for one in told
        for turn in spoken_in(replace(row, data={"conversations": one["content"]}))
    ]
    name = f"{text(row.data['image_id'])}.jpg"
    draft = dialogue(said, {"image_id": row.data["image_id"]})
    if isinstance(draft, Reject):
        return draft
    return replace(draft, images=(Picture(path=name, candidates=placed(row, name, *_FOLDERS)),))


SOURCE = Source(
    name="svit",
    forms=llava_forms(
        "svit",
        {
            "train": ("SVIT_core_150K*.json", "svit_core_150k*.json"),
            "mix665k": ("SVIT_mix_665K*.json", "svit_mix_665k*.json"),
            "full": (
                "conversation.json",
                "complex_reasoning.json",
                "detail_description.json",
                "referring_qa.json",
                "SVIT.json",
            ),
        },
        "format/llava-v1.5/SVIT_core_150K.json of BAAI/SVIT, or data/*.json (split full)",
        _convert,
        "the pictures of Visual Genome (folders VG_100K and VG_100K_2, or vg/VG_100K as LLaVA has "
        "it): name the folder that holds them as a further raw folder",
    ),
)
