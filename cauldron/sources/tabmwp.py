"""TabMWP: word problems on a small table, answered by a worked solution.

Lu et al. 2023, Dynamic Prompt Learning via Policy Gradient, arXiv:2209.14610. The table is a
picture; the bare question is asked, the solution without blank lines is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.phrasing import text
from cauldron.readers import json_object
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources.base import Form, Source

_FILES = {
    "train": ("problems_train.json",),
    "dev": ("problems_dev.json", "problems_dev1k.json"),
    "test": ("problems_test.json", "problems_test1k.json"),
    "dev1k": ("problems_dev1k.json",),
    "test1k": ("problems_test1k.json",),
}
_ALIASES = {"val": "dev", "validation": "dev"}


def _files(raw: Raw, split: str) -> list[Found]:
    for name in _FILES.get(_ALIASES.get(split, split), ()):
        found = raw.find(name)
        if found:
            return found[:1]
    return []


def _splits(raw: Raw) -> list[str]:
    return [split for split in _FILES if _files(raw, split)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_object(raw, file, split, "tabmwp")


def _convert(row: Row) -> Draft | Reject | Skip:
    problem = row.data
    lines = [line.rstrip() for line in text(problem["solution"]).splitlines() if line.strip()]
    turn = Turn(
        user=text(problem["question"]).strip(),
        assistant="\n".join(lines),
        extra={
            key: problem.get(key)
            for key in ("answer", "unit", "choices", "ques_type", "ans_type", "grade")
        },
    )
    name = f"{row.record}.png"
    picture = Picture(path=name, candidates=(row.near("tables", name), f"tables/{name}"))
    extra = {"table": problem.get("table"), "table_title": problem.get("table_title")}
    return Draft(images=(picture,), turns=(turn,), extra=extra)


SOURCE = Source(
    name="tabmwp",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: row.record,
            convert=_convert,
            wanted="data/tabmwp of lupantech/PromptPG: problems_train.json beside tables/<id>.png",
        ),
    ),
)
