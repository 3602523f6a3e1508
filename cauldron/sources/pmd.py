"""PMD, the Public Multimodal Dataset: a list of other sets, as published or as it was packed.

Singh et al. 2022, FLAVA, arXiv:2112.04482. Its parts are sources of their own (conceptual_captions,
conceptual_12m, sbu_captions, coco_captions, localized_narratives_pretrain, visual_genome, wit,
redcaps, yfcc100m). Read here are tables with the columns of facebook/pmd, and tars of pairs.
"""

from __future__ import annotations

from typing import Any

import orjson

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sources._downloads import download_forms
from cauldron.sources._pairs import Pair, table_form
from cauldron.sources._places import cell_picture
from cauldron.sources.base import Source


def _read(row: Row) -> Pair:
    data = row.data
    cell = data.get("image")
    extra = {"source": text(data["source"])} if data.get("source") else {}
    about = _about(data.get("meta"))
    return Pair(
        caption=text(data["text"] or ""),
        url=text(data.get("image_url") or ""),
        picture=cell_picture(row, cell) if cell else None,
        extra={**extra, **({"meta": about} if about else {})},
    )


def _about(meta: Any) -> Any:
    if not isinstance(meta, str):
        return meta
    try:
        return orjson.loads(meta)
    except orjson.JSONDecodeError:
        return meta


SOURCE = Source(
    name="pmd",
    forms=(
        table_form(
            "pmd",
            {"text", "source", "meta"}.issubset,
            _read,
            "Parquet of facebook/pmd (image or image_url, text, source, meta)",
            name="official",
        ),
        *download_forms("pmd"),
    ),
)
