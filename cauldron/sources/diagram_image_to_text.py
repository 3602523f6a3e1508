"""Diagram image to text: 300 flowcharts and graphs with a description in words.

The set Kamizuru00/diagram_image_to_text on the hub; it has no paper and states no licence. The
description is given as it is. A record is named by its file and row, since it has no id.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Describe this diagram.",
    "Explain the parts of this diagram and how they are connected.",
    "Put the content of this diagram into words.",
    "What does this diagram show, step by step?",
    "Write a text that says the same as this diagram.",
    "Walk me through the diagram.",
    "Describe the elements of the figure and the links between them.",
    "Which parts does this diagram have, and how do they relate?",
    "Turn this diagram into a short description.",
    "Explain what is drawn here and what leads to what.",
    "Summarize the diagram in full sentences.",
    "Tell me what this figure says.",
)


def _fits(columns: set[str]) -> bool:
    return columns == {"image", "text"}


def _convert(row: Row) -> Draft | Reject | Skip:
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=text(row.data["text"]),
        extra={"question": REQUESTS[0]},
    )
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


SOURCE = Source(
    name="diagram_image_to_text",
    forms=(
        parquet_form(
            "diagram_image_to_text",
            _fits,
            _convert,
            "data/train-00000-of-00001-*.parquet of Kamizuru00/diagram_image_to_text, or the "
            "hub's conversion default/train/0000.parquet",
            name="official",
            splits={"train": ("train",)},
        ),
    ),
)
