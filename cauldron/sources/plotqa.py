"""PlotQA: template questions on plots of data from the world's statistics.

Methani et al. 2020, PlotQA: Reasoning over Scientific Plots, arXiv:1909.00997. V2 of the questions
is read where it is there, else V1; all questions on one plot become one sample. Half of the plots
begin with an announcement of several questions, on the others each question has its own hint.
Numbers are shortened as in the published build (two decimals; above 10,000 in powers of ten) but
from their value, so that 2e10 is 2.00e+10. The numbers of plots are held in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cauldron.phrasing import SHORT_ANSWER, announced, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import marking_first, split_names, splits_of
from cauldron.sources._places import folder_name
from cauldron.sources._wording import tight
from cauldron.sources.base import Form, Source

_FILES = ("qa_pairs_V2.json", "qa_pairs_V1.json", "qa_pairs.json")
_SPLITS = {"train": ("train",), "val": ("val", "validation", "valid", "dev"), "test": ("test",)}
_KEPT = ("image_index", "qid", "question_string", "answer", "template", "type", "question_id")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:\.\d+)?(?!\w)(?![.,]\d)")
_LARGE, _SMALL = 10_000, 0.005


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split, _SPLITS)
    for name in _FILES if names else ():
        found = raw.find(name)
        own = [file for file in found if folder_name(file).lower() in names]
        if own:
            return own[:1]
        others = {n for known in _SPLITS.values() for n in known}
        loose = [file for file in found if folder_name(file).lower() not in others]
        if split == "train" and len(loose) == 1:
            return loose
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        rows = json_list(raw, file, split, "plotqa", at="qa_pairs")
        yield from marking_first(map(_slim, rows), _key)


def _slim(row: Row) -> Row:
    if not isinstance(row.data, dict):
        return row
    return replace(row, data={key: row.data[key] for key in _KEPT if key in row.data})


def _key(row: Row) -> str:
    return text(row.data["image_index"])


def shortened(answer: str) -> str:
    """Return text with its numbers in short form, from their values.

    Above 10,000: `1.50e+04`, and so where two decimals would leave nothing: `4.00e-03`. Else two
    decimals at most where the text has a point. Numbers with separators or letters beside them
    (`4,351`, `3e10`, `CO2`) stay; so does a minus sign.
    """
    decimals = "." in answer

    def short(match: re.Match[str]) -> str:
        value = float(match[0])
        if value > _LARGE or 0 < value < _SMALL:
            return f"{value:.2e}"
        return f"{value:.2f}".rstrip("0").rstrip(".") if decimals else str(int(value))

    return _NUMBER.sub(short, answer)


def _question(row: Row) -> str:
    question = text(row.data["question_string"])
    if row.plain:
        return asked(row, question)
    plot = replace(row, record=_key(row))
    if not plot.pick((True, False), "announced"):
        return asked(row, tight(question), SHORT_ANSWER)
    if row.data["first"]:
        return announced(plot, tight(question))
    return asked(row, tight(question))


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data.get("answer") is None:
        return Skip(reason="unlabelled")
    answer = text(row.data["answer"])
    turn = Turn(
        user=_question(row),
        assistant=answered(row, answer if row.plain else shortened(answer)),
        extra={
            "question": text(row.data["question_string"]),
            "answer": answer,
            "template": row.data.get("template"),
            "question_id": row.data.get("qid", row.data.get("question_id")),
        },
    )
    name = f"{int(row.data['image_index'])}.png"
    picture = Picture(path=name, candidates=(row.near("png", name),))
    return Draft(images=(picture,), turns=(turn,), extra={"plot_type": row.data.get("type")})


SOURCE = Source(
    name="plotqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files, _SPLITS),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="train/ with qa_pairs_V2.json (or V1) and png/ of NiteshMethani/PlotQA",
            pictures="the png archive of the same split, unpacked beside the question file",
        ),
    ),
)
