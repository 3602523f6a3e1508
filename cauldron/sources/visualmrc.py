"""VisualMRC: questions on screenshots of web pages, answered in whole sentences.

Tanaka et al. 2021, VisualMRC: Machine Reading Comprehension on Document Images, arXiv:2101.11272.
The picture is the screenshot of the whole page; all questions on it become one sample, also where
the page goes by several ids. Blanks before question marks are taken out and no hint is added. Where
the layout has files of splits only the asked one is read; a lone annotation file counts as train.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered, asked, text
from cauldron.readers import json_lines, json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed, stem
from cauldron.sources._wording import tight
from cauldron.sources.base import Form, Source

_KEPT = ("id", "url", "screenshot_filename", "qa_data", "split")
_FOLDERS = ("screenshot", "screenshots", "images", "image")


def _files(raw: Raw, split: str) -> list[Found]:
    shapes = ("{}.jsonl", "{}.json", "annotation_{}.jsonl", "annotations_{}.jsonl")
    named = first_of(raw, *(shape.format(n) for n in split_names(split) for shape in shapes))
    lone = ("annotation.jsonl", "annotations.jsonl") if split == "train" else ()
    return named or first_of(raw, *lone)


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        with raw.open(file.url) as stream:
            is_list = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
        for row in (json_list if is_list else json_lines)(raw, file, split, "visualmrc"):
            if isinstance(row.data, dict):  # without boxes and OCR, which are most of the file
                row = replace(row, data={key: row.data[key] for key in _KEPT if key in row.data})
            yield row


def _turn(row: Row, question: Any, answer: Any, extra: dict[str, Any]) -> Turn:
    if row.plain:
        return Turn(user=asked(row, question), assistant=answered(row, answer), extra=extra)
    return Turn(
        user=asked(row, tight(text(question))),
        assistant=answered(row, tight(text(answer))),
        extra=extra,
    )


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data.get("split") and row.data["split"] not in split_names(row.split):
        return Skip(reason="other_split")
    path = text(row.data["screenshot_filename"])
    folder, _, name = path.rpartition("/")
    folders = _FOLDERS if folder in (*_FOLDERS, "") else (folder, *_FOLDERS)
    turns = []
    for pair in row.data["qa_data"]:
        question, answer = pair["question"]["text"], pair["answer"]["text"]
        kept = {"crowd_id": pair.get("crowdId"), "relevant": pair["answer"].get("relevant")}
        turns.append(_turn(row, question, answer, kept))
    return Draft(
        images=(Picture(path=name, candidates=placed(row, name, *folders)),),
        turns=tuple(turns),
        extra={"url": row.data.get("url")},
    )


def _copied(row: Row) -> Draft | Reject | Skip:
    turn = _turn(row, row.data["question"], row.data["answer"], {"qa_idx": row.data.get("qa_idx")})
    name = text(row.data["screenshot_filename"]).rpartition("/")[2]
    picture = cell_picture(row, row.data["image"], name)
    return Draft(images=(picture,), turns=(turn,), extra={"url": row.data.get("url")})


SOURCE = Source(
    name="visualmrc",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: stem(text(row.data["screenshot_filename"])),
            convert=_convert,
            wanted="train.json (or annotation.jsonl) beside the screenshots, of "
            "NTT-hil-insight/VisualMRC",
            pictures="the screenshots that come with the annotations",
        ),
        parquet_form(
            "visualmrc",
            lambda columns: {"image", "question", "answer", "screenshot_filename"} <= columns,
            _copied,
            "Parquet of jeepliu/VisualMRC (test only)",
            gathered=("image",),
        ),
    ),
)
