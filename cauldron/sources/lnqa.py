"""LNQA: questions and answers that a language model made of Localized Narratives.

vikhyatk/lnqa: Parquet of a picture and its questions, which do not build on each other. The model
read the narratives only, so answers may be wrong about the picture.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    turns = tuple(
        Turn(user=text(asked["question"]), assistant=text(asked["answer"]))
        for asked in row.data["qa"]
    )
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=turns)


SOURCE = Source(
    name="lnqa",
    forms=(
        parquet_form(
            "lnqa",
            {"image", "qa"}.issubset,
            _convert,
            "Parquet of vikhyatk/lnqa (data/train-*.parquet)",
            name="official",
            any_name=True,
        ),
    ),
)
