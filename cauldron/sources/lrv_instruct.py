"""LRV-Instruction: questions on Visual Genome pictures, half of them on things that are not there.

Liu et al. 2023, Mitigating Hallucination in Large Multi-Modal Models via Robust Instruction Tuning,
arXiv:2306.14565. Questions on one picture become one sample and do not build on each other.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._chats import fields, record_forms
from cauldron.sources._places import placed
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    data = row.data
    name = f"{text(data['image_id']).removesuffix('.jpg')}.jpg"
    places = placed(row, name, "VG_100K", "VG_100K_2", "images", "image")
    turn = Turn(
        user=text(data["question"]), assistant=text(data["answer"]), extra=fields(row, ("task",))
    )
    return Draft(images=(Picture(path=name, candidates=places),), turns=(turn,))


SOURCE = Source(
    name="lrv_instruct",
    forms=record_forms(
        "lrv_instruct",
        {"train": ("filter_cap*.json", "lrv_instruct*.json")},
        {"image_id", "question", "answer"},
        _convert,
        "filter_cap.json of FuxiaoLiu/LRV-Instruction (github.com)",
        key=lambda row: text(row.data["image_id"]).removesuffix(".jpg"),
        pictures="the pictures of Visual Genome (images.zip and images2.zip, folders VG_100K and "
        "VG_100K_2): name the folder that holds them as a further raw folder",
    ),
)
