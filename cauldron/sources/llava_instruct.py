"""LLaVA-Instruct-150K: dialogues, descriptions and reasoning on COCO pictures, by GPT-4.

Liu et al. 2023, Visual Instruction Tuning, arXiv:2304.08485. The split `conversation` is LLaVA-Conv
of the chat stage of Idefics2; its copy jxu124/llava_conversation_58k is read as well. GPT-4 saw
captions and boxes, never the pictures.
"""

from __future__ import annotations

from dataclasses import replace

from cauldron.phrasing import text
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import dialogue
from cauldron.sources._llava import coco_ids, illustrated, llava_forms, placed_picture
from cauldron.sources._places import parquet_form
from cauldron.sources.base import Source

_PARTS = {
    "conversation": ("conversation_58k.json",),
    "detail": ("detail_23k.json",),
    "complex_reasoning": ("complex_reasoning_77k.json",),
}
_NAMES = {
    "train": ("llava_instruct_150k.json",),
    **_PARTS,
    "80k": ("llava_instruct_80k.json",),
}


def _copied(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image_path"])
    said = [
        (speaker, words)
        for pair in row.data["dialog"]
        for speaker, words in zip(("user", "assistant"), pair, strict=True)
    ]
    draft = dialogue(said, coco_ids([name]))
    return draft if isinstance(draft, Reject) else illustrated(draft, [placed_picture(row, name)])


_OFFICIAL, _MIRROR = llava_forms(
    "llava_instruct",
    _NAMES,
    "llava_instruct_150k.json of liuhaotian/LLaVA-Instruct-150K, or one of its three parts",
)


def _files(raw: Raw, split: str) -> list[Found]:
    """Return the files of a split; where the whole is not there, its three parts are `train`."""
    found = _OFFICIAL.files(raw, split)
    if found or split != "train":
        return found
    return [file for part in _PARTS for file in _OFFICIAL.files(raw, part)]


SOURCE = Source(
    name="llava_instruct",
    forms=(
        replace(_OFFICIAL, files=_files),
        parquet_form(
            "llava_instruct",
            {"dialog", "image_path"}.issubset,
            _copied,
            "Parquet of jxu124/llava_conversation_58k, and train2017 of COCO",
            name="conversation_58k",
            splits={"conversation": ("train",), "train": ("train",)},
            any_name=True,
        ),
        _MIRROR,
    ),
)
