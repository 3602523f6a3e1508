"""DaTikZ: drawings from papers and forums, to be written as TikZ code.

Belouadi et al. 2024, AutomaTikZ: Text-Guided Synthesis of Scientific Vector Graphics with TikZ,
arXiv:2310.00367. The LaTeX document is the answer, byte for byte; nothing is compiled. Records that
the authors altered (`augmented`) are left out. Later versions, which have a `pdf` column, are other
data and are not read.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Write TikZ code that draws this figure.",
    "Give the LaTeX source of this drawing, using TikZ.",
    "Convert the picture to TikZ.",
    "What TikZ code produces this image?",
    "Reproduce this diagram as a LaTeX document with TikZ.",
    "Please write the TikZ commands for the figure shown.",
    "Turn this drawing into TikZ code.",
    "I need this figure in LaTeX. Use TikZ.",
    "Generate a standalone TikZ document for this picture.",
    "How would this figure be drawn in TikZ?",
    "Recreate the image with TikZ.",
    "Code this scientific figure in TikZ.",
)


def _fits(columns: set[str]) -> bool:
    return {"caption", "code", "image", "uri", "origin"} <= columns and "pdf" not in columns


def _iso(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else (str(value) if value else None)


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data.get("augmented"):
        return Skip(reason="augmented")
    facts = {key: row.data.get(key) for key in ("uri", "origin", "caption")}
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=text(row.data["code"]),
        extra={"question": REQUESTS[0]},
    )
    return Draft(
        images=(cell_picture(row, row.data["image"]),),
        turns=(turn,),
        extra={**facts, "date": _iso(row.data.get("date"))},
    )


SOURCE = Source(
    name="datikz",
    forms=(
        parquet_form(
            "datikz",
            _fits,
            _convert,
            "Parquet of nllg/datikz or HuggingFaceM4/datikz; datikz-v2 and later (with a pdf "
            "column) are other data",
            name="official",
            splits={"train": ("train",), "test": ("test",)},
        ),
    ),
)
