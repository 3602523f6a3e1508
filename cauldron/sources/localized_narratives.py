"""Localized Narratives: what people said while they pointed at a picture.

Pont-Tuset et al. 2020, Connecting Vision and Language with Localized Narratives, arXiv:1912.03098.
The transcribed narrative is kept as it is; the request names no length, because narratives run from
one sentence to many. Splits train, validation and test are those of Open Images; those of COCO,
Flickr30k and ADE20k are read when they are asked for (`coco_train`, ...).
"""

from __future__ import annotations

from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Turn
from cauldron.sources._narratives import dataset, narrative_forms
from cauldron.sources.base import Source

ASK = (
    "Describe this image.",
    "What does the picture show?",
    "Tell me what you see in this image.",
    "Go through the picture and say what is in it.",
    "Give a description of the image.",
    "Put this picture into words.",
)
PLAIN = "Describe the image."


def _said(row: Row, picture: Picture, narrative: str) -> Draft:
    turn = Turn(
        user=PLAIN if row.plain else row.pick(ASK, "question"),
        assistant=narrative,
        extra={"annotator_id": row.data.get("annotator_id")},
    )
    return Draft(images=(picture,), turns=(turn,), extra=dataset(row.data))


SOURCE = Source(name="localized_narratives", forms=narrative_forms("localized_narratives", _said))
