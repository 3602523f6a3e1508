"""InfographicVQA: questions on infographics, answered by a text in the picture or a count.

Mathew et al. 2022, InfographicVQA, arXiv:2104.12756. Only questions with exactly one answer are
kept, as in the published build. Numbers, amounts and shares get no full stop. How large or long a
picture may be is left to the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, collapse, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed, repeats_marked, stem
from cauldron.sources.base import Form, Source

_FIGURE = re.compile(r"[-+<>~]?\s?[$€£¥]?\s?[\d.,]*\d\s?%?")
_FOLDERS = (
    "images",
    "infographicsvqa_images",
    "inforgraphicsvqa_images",
    "infographicvqa_images",
)


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split)
    endings = ("_v1.0_withQT", "_v1.0", "_v1.0_withOT")
    return first_of(raw, *(f"infographicsVQA_{n}{e}.json" for e in endings for n in names))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        rows = json_list(raw, file, split, "infographic_vqa", at="data")
        yield from repeats_marked(rows, "image_local_name", "question")


def _draft(row: Row, question: str, answers: list[str], picture: Picture) -> Draft | Skip:
    if row.data.get("skip"):
        return Skip(reason=row.data["skip"])
    if len(answers) != 1:
        return Skip(reason="several_answers" if answers else "unlabelled")
    answer = text(answers[0]).strip()
    kept = ("answer_type", "operation/reasoning")
    turn = Turn(
        user=asked(row, collapse(question), BRIEF_ANSWER),
        assistant=answer if _FIGURE.fullmatch(answer) else answered(row, answer),
        extra={
            "question_id": row.data.get("questionId"),
            "answers": answers,
            **{key.partition("/")[0]: row.data[key] for key in kept if row.data.get(key)},
        },
    )
    url = row.data.get("image_url")
    return Draft(images=(picture,), turns=(turn,), extra={"image_url": url} if url else {})


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image_local_name"])
    picture = Picture(path=name, candidates=placed(row, name, *_FOLDERS))
    return _draft(row, text(row.data["question"]), row.data.get("answers") or [], picture)


def _fits(columns: set[str]) -> bool:
    return {"image", "query", "answer"} <= columns or {
        "image",
        "question",
        "answers",
        "image_url",
    } <= columns


def _copied(row: Row) -> Draft | Reject | Skip:
    question = row.data["query"] if "query" in row.data else row.data["question"]
    answers = row.data["answer"] if "answer" in row.data else row.data["answers"]
    listed = [answers] if isinstance(answers, str) else answers or []
    return _draft(row, text(question), listed, cell_picture(row, row.data["image"]))


SOURCE = Source(
    name="infographic_vqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: stem(text(row.data["image_local_name"])),
            convert=_convert,
            wanted="infographicsVQA_train_v1.0.json and the folder of pictures (images/ or "
            "infographicsvqa_images/) of task 3",
            pictures="the picture archive of task 3 on the challenge's download page",
        ),
        parquet_form(
            "infographic_vqa",
            _fits,
            _copied,
            "Parquet with image, query, answer (vidore/infovqa_train) or of lmms-lab/DocVQA, "
            "config InfographicVQA",
            gathered=("image",),
        ),
    ),
)
