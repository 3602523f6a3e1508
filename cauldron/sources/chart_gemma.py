"""ChartGemma: instructions on charts of many sites, made by Gemini from the pictures.

Masry et al. 2024, ChartGemma: Visual Instruction-tuning for Chart Reasoning in the Wild,
arXiv:2407.04172. Parquet of a picture, an instruction (`input`) and an answer (`output`).
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    turn = Turn(user=text(row.data["input"]), assistant=text(row.data["output"]))
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


SOURCE = Source(
    name="chart_gemma",
    forms=(
        parquet_form(
            "chart_gemma",
            {"image", "input", "output"}.issubset,
            _convert,
            "Parquet of ahmed-masry/ChartGemma (data/train-*.parquet)",
            name="official",
            gathered=("image",),
            any_name=True,
        ),
    ),
)
