"""FinQA: sums on a page of an annual report, its text and its table.

Chen et al. 2021, FinQA: A Dataset of Numerical Reasoning over Financial Data, arXiv:2109.00122. The
table is drawn. All questions on one page become one sample, whose first turn holds the text of the
page. The answer gives the sum behind it; where the question asks for a percentage it is a fraction,
and the printed answer stands in `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import question, sentence, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn, content_hash
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._programs import infix
from cauldron.sources._records import holds
from cauldron.sources._tables import cells_of, drawn, table_picture
from cauldron.sources.base import Form, Source

_NAMES = {
    "train": ("train",),
    "dev": ("dev", "val", "validation"),
    "test": ("test",),
    "private_test": ("private_test",),
}
_TWICE = re.compile(r"(.*?-?[\d.,]*\d ?%?)\s*\(\s*([\d.,]*\d)\s*%?\s*\)")
_LOST = ((re.compile(r"\s?2019s\b"), "'s"), (re.compile(r"\b201c\s?"), '"'))
_CLOSED = re.compile(r"\s?\b201d\b")


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split, _NAMES):
        for file in raw.find(f"{name}.json"):
            if holds(json_list(raw, file, split, "finqa"), "pre_text", "table", "qa"):
                return [file]
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """List records with the page that they share, and say which one opens it.

    A page is told by its file name; one that comes back with another table or other text stands
    alone. Memory holds the names of pages.
    """
    pages: dict[str, int] = {}
    for file in found:
        for row in json_list(raw, file, split, "finqa"):
            try:
                yield _paged(row, pages)
            except (KeyError, TypeError, AttributeError):
                yield row


def _paged(row: Row, pages: dict[str, int]) -> Row:
    data: dict[str, Any] = row.data
    if data["qa"].get("exe_ans") in (None, "") or not text(data["qa"]["question"]).strip():
        return replace(row, data={"skip": "unlabelled"})
    name, lines = text(data["filename"]), [data["pre_text"], data["post_text"], data["table"]]
    content = content_hash(0, repr(lines))
    first = name not in pages
    shared = pages.setdefault(name, content) == content
    page = name.removesuffix(".pdf") if shared else text(data["id"])
    return replace(row, data={**data, "page": page, "first": first or not shared})


def _convert(row: Row) -> Draft | Reject | Skip:
    data: dict[str, Any] = row.data
    if "skip" in data:
        return Skip(reason=data["skip"])
    drawing = drawn(row, [[_once(cell) for cell in line] for line in cells_of(data["table"])])
    notes: dict[str, int] = {}
    turn = _turn(row, data["qa"], notes)
    extra = {"table": data["table"], "drawn": drawing.facts}
    return Draft(images=(table_picture(drawing),), turns=(turn,), extra=extra, notes=notes)


def _once(cell: str) -> str:
    """Return a cell whose number is printed twice, `-32 ( 32 )`, with the first form only."""
    match = _TWICE.fullmatch(cell.strip())
    if not match:
        return cell
    digits = re.sub(r"[^\d.,]", "", match[1])
    return match[1] if digits == match[2] else cell


def _repaired(line: str) -> str:
    """Return text with the quotes and apostrophes whose escapes were lost."""
    for pattern, mark in _LOST:
        line = pattern.sub(mark, line)
    return _CLOSED.sub('"', line)


def _context(data: dict[str, Any]) -> str:
    lines = [_repaired(text(line)).strip() for line in [*data["pre_text"], *data["post_text"]]]
    kept = [line for line in lines if len(line) > 3]
    return "\n".join(kept).replace("following table", "table")


def _turn(row: Row, qa: dict[str, Any], notes: dict[str, int]) -> Turn:
    words = _repaired(text(qa["question"])).strip()
    asked = words if row.plain else question(words)
    context = _context(row.data) if row.data["first"] else ""
    result = text(qa["exe_ans"]).strip()
    kept = ("answer", "program", "gold_inds")
    extra = {"question": words, "id": row.data.get("id"), **{k: qa[k] for k in kept if k in qa}}
    return Turn(
        user=f"{context}\n{asked}" if context else asked,
        assistant=result if row.plain else _worked(qa, result, notes),
        extra=extra,
    )


def _worked(qa: dict[str, Any], result: str, notes: dict[str, int]) -> str:
    lines = []
    reason = _repaired(text(qa.get("explanation") or "")).strip()
    if reason:
        lines.append(f"Rationale: {sentence(reason)}")
    program = text(qa.get("program_re") or qa.get("program") or "").strip()
    if program:
        try:
            lines.append(f"Computations: {infix(program)}")
        except ValueError:
            notes["program_not_written"] = 1
    lines.append(f"Answer: {sentence(result)}")
    return "\n".join(lines)


SOURCE = Source(
    name="finqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _NAMES),
            rows=_rows,
            key=lambda row: text(row.data["page"]),
            convert=_convert,
            wanted="dataset/ of czyssrs/FinQA: train.json (and dev.json, test.json)",
        ),
    ),
)
