"""LLaVAR: dialogues on pictures with text in them, from LAION, what is written told to a model.

Zhang et al. 2023, LLaVAR: Enhanced Visual Instruction Tuning for Text-Rich Image Understanding,
arXiv:2306.17107.
"""

from __future__ import annotations

from dataclasses import replace

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._llava import chat, llava_forms
from cauldron.sources._places import placed
from cauldron.sources.base import Source

_FOLDERS = ("finetune", "pretrain", "image")


def _convert(row: Row) -> Draft | Reject | Skip:
    draft = chat(row)
    if not isinstance(draft, Draft):
        return draft
    return replace(draft, images=tuple(_unpacked(row, picture) for picture in draft.images))


def _unpacked(row: Row, picture: Picture) -> Picture:
    """Return a picture that may also lie in the folders of the set's own archives."""
    more = placed(row, picture.path, *_FOLDERS) if picture.path else ()
    return replace(picture, candidates=tuple(dict.fromkeys((*picture.candidates, *more))))


SOURCE = Source(
    name="llavar",
    forms=llava_forms(
        "llavar",
        {
            "train": ("llavar_*.json", "llava_instruct_150k_llavar_*.json"),
            "pretrain": ("chat_llavar*.json",),
        },
        "llava_instruct_150k_llavar_20k.json (or chat_llavar.json, split pretrain) of "
        "SALT-NLP/LLaVAR",
        _convert,
        "finetune.zip and pretrain.zip of SALT-NLP/LLaVAR, and train2017.zip of COCO for the "
        "dialogues of LLaVA in the file; name their folder as a further raw folder",
    ),
)
