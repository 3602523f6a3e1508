"""The layout of RobuT: one data set whose splits are named by the table set below each of them.

Zhao et al. 2023, RobuT: A Systematic Study of Table QA Robustness Against Human-Annotated
Adversarial Perturbations, arXiv:2306.14321. There is no train, val or test: all of a base set is
read as `train`. Perturbed forms of one question share `original_id`, which stands in `extra`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from cauldron.phrasing import Chooser
from cauldron.readers import json_lines, json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import splits_of
from cauldron.sources._places import parquet_form
from cauldron.sources._records import holds
from cauldron.sources._tables import cells_of, drawn, table_picture, whole_table
from cauldron.sources.base import Form

Said = Callable[[Row], tuple[tuple[Turn, ...], dict[str, int]]]
_COLUMNS = ("question", "table", "answers")
_KEPT = ("id", "original_id", "perturbation_type")


def robut_forms(source: str, base: str, said: Said, percent: int) -> tuple[Form, Form]:
    """Return the forms of one base set: Parquet of the hub, and JSON or JSON lines.

    Args:
        base: the name of the split that holds it, `wtq`, `wikisql` or `sqa`.
        said: the turns of a row, and counted remarks on them.
        percent: of the samples that get one more turn, which asks for the whole table.
    """

    def convert(row: Row) -> Draft | Reject | Skip:
        turns, notes = said(row)
        if not turns:
            return Reject(reason="no_turns")
        table = row.data["table"]
        header, *rows = cells_of([table["header"], *table["rows"]])
        if any(len(line) != len(header) for line in rows):
            notes["ragged_table"] = 1
        drawing = drawn(row, [header, *rows])
        kept = {name: row.data[name] for name in _KEPT if name in row.data}
        return Draft(
            images=(table_picture(drawing),),
            turns=with_whole_table(row, turns, header, rows, percent),
            extra={**kept, "drawn": drawing.facts},
            notes=notes,
        )

    names = {"train": (base,)}
    parquet = parquet_form(
        source,
        set(_COLUMNS).issubset,
        convert,
        f"Parquet of yilunzhao/robut, split {base}",
        name="official",
        splits=names,
    )
    return parquet, _json_form(source, base, convert)


def with_whole_table(
    row: Chooser,
    turns: tuple[Turn, ...],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    percent: int,
) -> tuple[Turn, ...]:
    """Return turns, in some samples with one that asks for the whole table first or last."""
    if row.plain or row.pick(range(100), "whole table") >= percent:
        return turns
    asking = (whole_table(row, header, rows),)
    return row.pick(((*asking, *turns), (*turns, *asking)), "place")


def _json_form(source: str, base: str, convert: Callable[[Row], Draft | Reject | Skip]) -> Form:
    def files(raw: Raw, split: str) -> list[Found]:
        if split not in ("train", base):
            return []
        found = raw.find(f"*{base}*.jsonl", f"*{base}*.json")
        return [file for file in found if holds(_listed(raw, file, split, source), *_COLUMNS)]

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from _listed(raw, file, split, source)

    return Form(
        name="json",
        files=files,
        splits=splits_of(files, {"train": ()}),
        rows=rows,
        key=_key,
        convert=convert,
        wanted=f"robut_data.zip of yilunzhao/RobuT, a JSON or JSON lines file named after {base}",
    )


def _listed(raw: Raw, file: Found, split: str, source: str) -> Iterator[Row]:
    listed = json_lines if file.path.endswith(".jsonl") else json_list
    return listed(raw, file, split, source)


def _key(row: Row) -> str:
    return f"{PurePosixPath(row.file).stem}/{row.record}"


def rejoined(answers: Any) -> str:
    """Return a list of answers as text, with comma and blank between them."""
    return ", ".join(part for part in (str(answer).strip() for answer in answers) if part)
