"""ChartQA: questions on charts of statistics, asked by people and by a model.

Masry et al. 2022, ChartQA, arXiv:2203.10244. The human file comes before the augmented one; all
questions on one chart become one sample. Labels that a program compares (numbers, yes or no,
bracketed lists) get no full stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cauldron.phrasing import BRIEF_ANSWER, asked, raise_first, sentence, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_NAMES = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}
_ALIASES = {"validation": "val", "dev": "val"}
_BARE = re.compile(r"[-+]?[$€£]?[\d.,]*\d%?|yes|no|\[.*\]", re.IGNORECASE | re.DOTALL)


def _names(split: str) -> tuple[str, ...]:
    return _NAMES.get(_ALIASES.get(split, split), ())


def _files(raw: Raw, split: str) -> list[Found]:
    names = _names(split)
    human = raw.find(*(f"{name}_human.json" for name in names))[:1]
    augmented = raw.find(*(f"{name}_augmented.json" for name in names))[:1]
    return human + augmented


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    seen: set[tuple[str, str]] = set()
    for file in found:
        kind = "human" if file.path.endswith("_human.json") else "augmented"
        for row in json_list(raw, file, split, "chartqa"):
            if not isinstance(row.data, dict):
                yield row
                continue
            fact = (str(row.data.get("imgname")), str(row.data.get("query")).strip())
            skip = "repeated_question" if fact in seen else ""
            seen.add(fact)
            yield replace(row, data={**row.data, "kind": kind, "skip": skip})


def _answer(row: Row, label: str) -> str:
    label = label.strip()
    if row.plain:
        return label
    return raise_first(label) if _BARE.fullmatch(label) else sentence(label)


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data["skip"]:
        return Skip(reason=row.data["skip"])
    name = text(row.data["imgname"])
    turn = Turn(
        user=asked(row, row.data["query"], BRIEF_ANSWER),
        assistant=_answer(row, text(row.data["label"])),
        extra={"kind": row.data["kind"]},
    )
    folder = _names(row.split)[0]
    far = (f"{folder}/png/{name}", f"png/{name}")
    picture = Picture(path=name, candidates=(row.near("png", name), *far))
    return Draft(images=(picture,), turns=(turn,))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    label = row.data["label"]
    machine = row.data.get("human_or_machine")
    turn = Turn(
        user=asked(row, row.data["query"], BRIEF_ANSWER),
        assistant=_answer(row, text(label[0] if isinstance(label, list) else label)),
        extra={"kind": "augmented" if machine else "human"},
    )
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


def _splits(raw: Raw) -> list[str]:
    return [split for split in _NAMES if _files(raw, split)]


SOURCE = Source(
    name="chartqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: text(row.data["imgname"]).rpartition(".")[0],
            convert=_convert,
            wanted="'ChartQA Dataset/' with train/train_human.json, train/train_augmented.json and "
            "train/png/",
        ),
        parquet_form(
            "chartqa",
            {"image", "query", "label"}.issubset,
            _mirror_convert,
            "Parquet of HuggingFaceM4/ChartQA",
            splits=_NAMES,
            gathered=("image",),
        ),
    ),
)
