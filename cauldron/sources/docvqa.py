"""DocVQA: questions on scanned pages of letters, forms, tables and reports.

Mathew et al. 2021, DocVQA: A Dataset for VQA on Document Images, arXiv:2007.00398. The first listed
answer is given as it stands in the page: no letter is raised and no full stop added. Questions are
grouped by page picture, since one page goes by several `docId`s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.phrasing import SHORT_ANSWER, asked, collapse, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed, repeats_marked, stem
from cauldron.sources.base import Form, Source

_PAGE = ("ucsf_document_id", "ucsf_document_page_no", "docId")


def _files(raw: Raw, split: str) -> list[Found]:
    names = split_names(split)
    return first_of(raw, *(f"{n}_v1.0{ending}.json" for ending in ("_withQT", "") for n in names))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from repeats_marked(
            json_list(raw, file, split, "docvqa", at="data"), "image", "question"
        )


def _draft(row: Row, picture: Picture) -> Draft | Skip:
    if row.data.get("skip"):
        return Skip(reason=row.data["skip"])
    if row.data.get("answers") is None:
        return Skip(reason="unlabelled")
    answers = [stripped for a in row.data["answers"] if (stripped := text(a).strip())]
    turn = Turn(
        user=asked(row, collapse(text(row.data["question"])), SHORT_ANSWER),
        assistant=answers[0] if answers else "",
        extra={
            "question_id": row.data.get("questionId", row.data.get("question_id")),
            "question_types": row.data.get("question_types"),
            "answers": answers,
        },
    )
    facts: dict[str, Any] = {**(row.data.get("other_metadata") or {}), **row.data}
    return Draft(
        images=(picture,),
        turns=(turn,),
        extra={key: facts[key] for key in _PAGE if facts.get(key) is not None},
    )


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image"]).rpartition("/")[2]
    places = placed(row, name, "documents", "spdocvqa_images", "images")
    return _draft(row, Picture(path=name, candidates=places))


def _fits(columns: set[str]) -> bool:
    own = {"docId", "ucsf_document_id", "other_metadata"}
    return {"image", "question", "answers"} <= columns and bool(own & columns)


SOURCE = Source(
    name="docvqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: stem(text(row.data["image"])),
            convert=_convert,
            wanted="train_v1.0_withQT.json of spdocvqa_qas.zip, and spdocvqa_images.tar.gz (or the "
            "older train/ with train_v1.0.json and documents/)",
            pictures="spdocvqa_images.tar.gz of the challenge's download page",
        ),
        parquet_form(
            "docvqa",
            _fits,
            lambda row: _draft(row, cell_picture(row, row.data["image"])),
            "Parquet of HuggingFaceM4/DocumentVQA, lmms-lab/DocVQA or "
            "pixparse/docvqa-single-page-questions",
            gathered=("image",),
        ),
    ),
)
