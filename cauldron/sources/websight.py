"""WebSight v0.2: screenshots of generated web pages, to be written as HTML.

Laurencon et al. 2024, Unlocking the conversion of Web Screenshots into HTML Code with the WebSight
Dataset, arXiv:2403.09029. The page's source is the answer, byte for byte. Version 0.1 (plain CSS)
has other columns and is not read.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Write the HTML of this web page.",
    "Convert this screenshot to HTML code.",
    "Give the HTML that renders as shown in the picture.",
    "Reproduce this web page in HTML with Tailwind classes.",
    "What HTML code produces this page?",
    "Turn the screenshot into a complete HTML document.",
    "Generate the source code of the page in this image.",
    "Recreate this layout in HTML.",
    "Please code this web page in HTML.",
    "I need the HTML for the page in the screenshot.",
    "Build a web page that looks like this image.",
    "Translate the design shown here to HTML.",
)


def _fits(columns: set[str]) -> bool:
    named = {"image", "llm_generated_idea"} <= columns
    return named and bool({"text", "html_code"} & columns)


def _convert(row: Row) -> Draft | Reject | Skip:
    code = row.data["text"] if "text" in row.data else row.data["html_code"]
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=text(code),
        extra={"question": REQUESTS[0], "idea": row.data.get("llm_generated_idea")},
    )
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


SOURCE = Source(
    name="websight",
    forms=(
        parquet_form(
            "websight",
            _fits,
            _convert,
            "Parquet shards of HuggingFaceM4/WebSight, config v0.2 "
            "(train-00000-of-00738-*.parquet, as many as wanted; v0.1 is not read)",
            name="official",
            splits={"train": ("train",)},
        ),
    ),
)
