"""TAT-QA: questions on a table of a financial report and the paragraphs around it.

Zhu et al. 2021, TAT-QA, arXiv:2105.07624. The table is drawn; the paragraphs stand before the first
question. A derivation comes before its answer. Stored answers leave out their scale (thousand,
million, percent), so a line after the question names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.phrasing import answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._tables import cells_of, drawn, header_rows, table_picture
from cauldron.sources.base import Form, Source

_FILES = {
    "train": ("tatqa_dataset_train.json",),
    "dev": ("tatqa_dataset_dev.json",),
    "test": ("tatqa_dataset_test_gold.json", "tatqa_dataset_test.json"),
}
_ALIASES = {"val": "dev", "validation": "dev"}
_SCALES = {
    "thousand": "Give the answer in thousands.",
    "million": "Give the answer in millions.",
    "billion": "Give the answer in billions.",
    "percent": "Give the answer as a percentage.",
}


def _files(raw: Raw, split: str) -> list[Found]:
    return raw.find(*_FILES.get(_ALIASES.get(split, split), ()))[:1]


def _splits(raw: Raw) -> list[str]:
    return [split for split in _FILES if _files(raw, split)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "tat_qa")


def _convert(row: Row) -> Draft | Reject | Skip:
    questions = row.data["questions"]
    if questions and not any("answer" in item for item in questions):
        return Skip(reason="unlabelled")
    cells = cells_of(row.data["table"]["table"])
    drawing = drawn(row, cells, headers=header_rows(cells))
    paragraphs = sorted(row.data["paragraphs"], key=lambda paragraph: paragraph["order"])
    context = "\n".join(text(paragraph["text"]).strip() for paragraph in paragraphs)
    turns: list[Turn] = []
    notes: dict[str, int] = {}
    for item in questions:
        turn = _turn(row, item, "" if turns else context)
        if turn:
            turns.append(turn)
        else:
            notes["empty_question_or_answer"] = notes.get("empty_question_or_answer", 0) + 1
    extra = {"table": cells, "drawn": drawing.facts}
    pictures = (table_picture(drawing),)
    return Draft(images=pictures, turns=tuple(turns), extra=extra, notes=notes)


def _turn(row: Row, item: dict[str, Any], context: str) -> Turn | None:
    question, answer = text(item["question"]), _answer(item.get("answer"))
    scale = text(item.get("scale") or "")
    if not question.strip() or not answer:
        return None
    if row.plain and scale:
        answer = f"{answer} {scale}"
    derivation = ", ".join(part.strip() for part in text(item.get("derivation") or "").split("##"))
    if derivation:
        answer = f"{derivation}\nAnswer: {answer}"
    hints = (_SCALES.get(scale, f"Give the answer in {scale}."),) if scale else ()
    user = asked(row, question, hints)
    kept = ("uid", "question", "answer", "derivation", "answer_type", "answer_from", "scale")
    return Turn(
        user=f"{context}\n{user}" if context else user,
        assistant=answered(row, answer),
        extra={key: item[key] for key in kept if key in item},
    )


def _answer(value: Any) -> str:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return ", ".join(part for part in (text(item).strip() for item in items) if part)


SOURCE = Source(
    name="tat_qa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=lambda row: text(row.data["table"]["uid"]),
            convert=_convert,
            wanted="dataset_raw/ of NExTplusplus/TAT-QA: tatqa_dataset_train.json (and dev, "
            "test_gold)",
        ),
    ),
)
