"""ST-VQA: questions on the text in photographs of several collections.

Biten et al. 2019, Scene Text Visual Question Answering, arXiv:1905.13648. Only questions with
exactly one answer are kept. Answers with figures, marks or mixed case are kept letter for letter.
The COCO part was handed out squeezed to squares; the original picture is taken where it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._coco import coco_named
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed
from cauldron.sources.base import Form, Source

_KEPT = ("question_id", "dataset")
_WORDS = re.compile(r"(?:[^\W\d_]|[ '’-])*[.!?]?")
_FOLDERS = ("images", "train_imageset", "train_task_images")


def _files(raw: Raw, split: str) -> list[Found]:
    names = [n for n in split_names(split) if n != "val"]
    return first_of(raw, *(f"{n}_task_{task}.json" for n in names for task in (2, 3, 1)))


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from json_list(raw, file, split, "st_vqa", at="data")


def _answer(row: Row, answer: str) -> str:
    """Return plain words as a sentence; prices, addresses and `iPad` stay as they are written."""
    plain_words = _WORDS.fullmatch(answer) and (answer[:1].isupper() or answer.islower())
    return answered(row, answer) if plain_words else answer


def _draft(row: Row, picture: Picture) -> Draft | Reject | Skip:
    answers = row.data.get("answers")
    if answers is None or len(answers) == 0:
        return Skip(reason="unlabelled")
    if len(answers) > 1:
        return Skip(reason="several_answers")
    turn = Turn(
        user=asked(row, row.data["question"], BRIEF_ANSWER),
        assistant=_answer(row, text(answers[0]).strip()),
        extra={key: row.data[key] for key in _KEPT if row.data.get(key) is not None},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data.get("set_name", row.split) not in split_names(row.split):
        return Skip(reason="other_split")
    path = PurePosixPath(text(row.data["file_path"]))
    if path.is_absolute() or ".." in path.parts:
        return Reject(reason="path_outside", detail=str(path)[:200])
    original = coco_named(row, path.name)
    places = placed(row, str(path), *_FOLDERS)
    candidates = (*(original.candidates if original else ()), *places)
    return _draft(row, Picture(path=path.name, candidates=candidates))


SOURCE = Source(
    name="st_vqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["file_path"]).rpartition(".")[0],
            convert=_convert,
            wanted="train_task_2.json of rrc.cvc.uab.es (channel 11, task 2) beside the folders of "
            "its pictures (coco-text/, vg/, ...)",
            pictures="the training pictures of the same challenge: put their folders beside "
            "train_task_2.json, or name the folder that holds them as a further raw folder",
        ),
        parquet_form(
            "st_vqa",
            lambda has: {"image", "question", "answers", "question_id"} <= has,
            lambda row: _draft(row, cell_picture(row, row.data["image"])),
            "Parquet with image, question, answers, question_id (lmms-lab/ST-VQA)",
            gathered=("image",),
        ),
    ),
)
