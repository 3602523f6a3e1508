"""MultiHiertt: sums on several tables of one report, with the paragraphs that they need.

Zhao et al. 2022, MultiHiertt: Numerical Reasoning over Multi Hierarchical Tabular and Textual Data,
arXiv:2206.01347. Each table is a picture. The paragraphs that the answer rests on stand in front of
the question, which could not be answered without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.media.html_tables import html_grid
from cauldron.media.images import ImageError
from cauldron.media.tables import Drawing
from cauldron.phrasing import question, sentence, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._programs import infix
from cauldron.sources._records import holds
from cauldron.sources._tables import drawn, header_rows, table_picture
from cauldron.sources.base import Form, Source

MAX_TABLES = 10
_NAMES = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}
_EMPTY = frozenset({"nan", "NaN"})


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split, _NAMES):
        for file in raw.find(f"{name}.json"):
            if holds(json_list(raw, file, split, "multihiertt"), "uid", "paragraphs", "tables"):
                return [file]
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "multihiertt")


def _convert(row: Row) -> Draft | Reject | Skip:
    data: dict[str, Any] = row.data
    qa = data["qa"]
    if qa.get("answer") in (None, ""):
        return Skip(reason="unlabelled")
    notes: dict[str, int] = {}
    wanted = {int(text(cell).partition("-")[0]) for cell in qa.get("table_evidence") or ()}
    drawings = _drawings(row, data["tables"], wanted, notes)
    if not drawings or not wanted <= drawings.keys():
        return Reject(reason="table_missing", detail=f"tables {sorted(wanted - drawings.keys())}")
    return Draft(
        images=tuple(table_picture(drawing, number) for number, drawing in drawings.items()),
        turns=(_turn(row, qa, data["paragraphs"], notes),),
        extra={"drawn": [drawing.facts for drawing in drawings.values()]},
        notes=notes,
    )


def _drawings(
    row: Row, tables: list[Any], wanted: set[int], notes: dict[str, int]
) -> dict[int, Drawing]:
    """Draw the tables by number, at most `MAX_TABLES`: those the answer rests on come first.

    Raises:
        ImageError: if one of these cannot be drawn; others are left out and noted.
    """
    chosen = sorted(range(len(tables)), key=lambda number: (number not in wanted, number))
    out: dict[int, Drawing] = {}
    for number in sorted(chosen[:MAX_TABLES]):
        try:
            cells, merges = html_grid(text(tables[number]))
            shown = [["" if cell in _EMPTY else cell for cell in line] for line in cells]
            out[number] = drawn(row, shown, headers=header_rows(shown), merges=merges)
        except ImageError:
            if number in wanted:
                raise
    left_out = len(tables) - len(out)
    if left_out:
        notes["table_left_out"] = left_out
    return out


def _turn(row: Row, qa: dict[str, Any], paragraphs: list[Any], notes: dict[str, int]) -> Turn:
    places = sorted({int(number) for number in qa.get("text_evidence") or ()})
    context = [text(paragraphs[number]).strip() for number in places]
    if context:
        notes["with_paragraphs"] = 1
    words = text(qa["question"]).strip()
    answer = text(qa["answer"]).strip()
    lines = [] if row.plain else [*_computed(qa, notes), f"Answer: {sentence(answer)}"]
    kept = ("answer", "program", "text_evidence", "table_evidence")
    return Turn(
        user="\n".join([*context, words if row.plain else question(words)]),
        assistant="\n".join(lines) or answer,
        extra={"question": words, **{name: qa[name] for name in kept if name in qa}},
    )


def _computed(qa: dict[str, Any], notes: dict[str, int]) -> Iterator[str]:
    program = text(qa.get("program") or "").strip()
    if program:
        try:
            yield f"Computations: {infix(program)}"
        except ValueError:
            notes["program_not_written"] = 1


SOURCE = Source(
    name="multihiertt",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=lambda row: text(row.data["uid"]),
            convert=_convert,
            wanted="train.json (and dev.json, test.json) of psunlpgroup/MultiHiertt, by its link "
            "to Google Drive or from yilunzhao/MultiHiertt on the hub",
        ),
    ),
)
