"""VisText: captions of charts, one part on how a chart is built and one on what it shows.

Tang et al. 2023, VisText: A Benchmark for Semantically Rich Chart Captioning, arXiv:2307.05356. One
sample a chart: where a chart has several captions one is drawn. The form `captions` gives each
caption as a sample of its own, as in the published build. One small number a chart is held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import placed
from cauldron.sources._wording import DAMAGED, mended, requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "Describe this chart: how it is built and what it shows.",
    "Write a caption for this chart.",
    "What is plotted here, and what stands out?",
    "Explain the axes of this chart and its main trend.",
    "Give a description of the chart and of the values in it.",
    "What does this graph show? Begin with its axes.",
    "Summarize the chart, from its layout to its message.",
    "Tell me about this chart and what can be learned from it.",
    "Describe the type, the scales and the course of this chart.",
    "How would you describe this graph to somebody who cannot see it?",
    "Caption the figure: its form first, then its content.",
    "What information does this chart convey?",
    "Put this chart into words.",
)
_KEPT = ("caption_id", "img_id", "caption_L1", "caption_L2L3")


def _files(raw: Raw, split: str) -> list[Found]:
    return first_of(raw, *(f"data_{name}.json" for name in split_names(split)))


def _slim(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """Rows without the scene graphs and tables, which are most of the file."""
    for file in found:
        for row in json_list(raw, file, split, "vistext"):
            if isinstance(row.data, dict):
                row = replace(row, data={key: row.data[key] for key in _KEPT if key in row.data})
            yield row


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    counted = Counter(_chart(row) for row in _slim(raw, found, split))
    seen: Counter[str] = Counter()
    for row in _slim(raw, found, split):
        chart = _chart(row)
        if chart:
            place = {"caption": seen[chart], "captions": counted[chart]}
            row = replace(row, data={**row.data, **place})
            seen[chart] += 1
        yield row


def _chart(row: Row) -> str:
    """Return a record's chart, "" for a malformed record."""
    try:
        return text(row.data["img_id"])
    except (KeyError, TypeError):
        return ""


def _convert(row: Row) -> Draft | Reject | Skip:
    chart = text(row.data["img_id"])
    captions = range(row.data.get("captions", 1))
    drawn = replace(row, record=chart).pick(captions, "caption")
    if row.data.get("caption", 0) != drawn:
        return Skip(reason="other_caption")
    levels = [text(row.data[key]).strip() for key in ("caption_L1", "caption_L2L3")]
    caption = " ".join(level for level in levels if level)
    extra: dict[str, Any] = {"caption_id": row.data.get("caption_id"), "question": REQUESTS[0]}
    name = f"{chart}.png"
    return Draft(
        images=(Picture(path=name, candidates=placed(row, name, "images")),),
        turns=(Turn(user=requested(row, REQUESTS), assistant=mended(caption), extra=extra),),
        notes={"characters_mended": 1} if DAMAGED in caption else {},
    )


def _official(name: str, rows: Any, key: Any) -> Form:
    return Form(
        name=name,
        files=_files,
        splits=splits_of(_files),
        rows=rows,
        key=key,
        convert=_convert,
        wanted="tabular/data_train.json of tabular.zip, and images/ of images.zip",
        pictures="images.zip of mitvis/vistext",
    )


SOURCE = Source(
    name="vistext",
    forms=(
        _official("official", _rows, lambda row: text(row.data["img_id"])),
        _official("captions", _slim, lambda row: text(row.data["caption_id"])),
    ),
)
