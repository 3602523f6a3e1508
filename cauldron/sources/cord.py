"""CORD v2: photographs of Indonesian receipts, to be written down as JSON.

Park et al. 2019, CORD: A Consolidated Receipt Dataset for Post-OCR Parsing. The answer is the
`gt_parse` of the annotation, indented by four blanks, keys in the order of the set.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Write down this receipt as JSON.",
    "Read the receipt and give its content as JSON.",
    "Extract menu, prices and totals of the receipt as JSON.",
    "Turn the photographed receipt into a JSON document.",
    "What does the receipt say? Answer in JSON.",
    "Parse this receipt into JSON.",
)


def _convert(row: Row) -> Draft | Reject | Skip:
    told: Any = orjson.loads(text(row.data["ground_truth"]))
    answer = json.dumps(told["gt_parse"], indent=4, ensure_ascii=False)
    turn = Turn(user=requested(row, REQUESTS), assistant=answer, extra={"question": REQUESTS[0]})
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


SOURCE = Source(
    name="cord",
    forms=(
        parquet_form(
            "cord",
            {"image", "ground_truth"}.issubset,
            _convert,
            "Parquet of naver-clova-ix/cord-v2 (data/train-*.parquet)",
            name="official",
            any_name=True,
        ),
    ),
)
