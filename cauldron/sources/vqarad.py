"""VQA-RAD: questions on radiology pictures, asked and answered by clinicians.

Lau et al. 2018, A dataset of clinically generated visual questions and answers about radiology
images. Three layouts: the official list, the train/test files of the MEVF re-split, and a Parquet
mirror. Template rewordings and repeats of test rows are left out; all questions on one picture
become one sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, collapse, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_OFFICIAL = "VQA_RAD Dataset Public.json"
_TEST_TYPES = ("test_freeform", "test_para")


def _listed(raw: Raw, split: str) -> list[Found]:
    if split not in ("train", "test"):
        return []
    own = raw.find(f"{split}set.json")
    return own[:1] or raw.find(_OFFICIAL, "VQA_RAD_Dataset_Public.json")[:1]


def _splits(raw: Raw) -> list[str]:
    return [split for split in ("train", "test") if _listed(raw, split)]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    seen: set[str] = set()
    test = _test_facts(raw) if split == "train" else set()
    for file in found:
        for row in json_list(raw, file, split, "vqarad"):
            fact = _fact(row)
            kind = row.data.get("phrase_type", "") if isinstance(row.data, dict) else ""
            skip = ""
            if (kind in _TEST_TYPES) != (split == "test") and not _resplit(file):
                skip = "other_split"
            elif kind == "frame":
                skip = "template_rewording"
            elif fact and fact in test:
                skip = "stands_in_test_split"
            elif fact and fact in seen:
                skip = "repeated_question"
            seen.add(fact)
            yield replace(row, data={**row.data, "skip": skip}) if skip else row


def _resplit(file: Found) -> bool:
    return PurePosixPath(file.path).name.endswith("set.json")


def _test_facts(raw: Raw) -> set[str]:
    facts: set[str] = set()
    for file in raw.find("testset.json")[:1]:
        facts.update(_fact(row) for row in json_list(raw, file, "test", "vqarad"))
    return facts - {""}


def _fact(row: Row) -> str:
    """Return picture, question and answer as one string, "" for a malformed record."""
    try:
        fields = (row.data["image_name"], row.data["question"], row.data["answer"])
        return "\x1f".join(collapse(text(value)).lower() for value in fields)
    except (KeyError, TypeError):
        return ""


def _turn(row: Row) -> Turn:
    kept = ("qid", "question_type", "phrase_type", "image_organ")
    extra = {key: row.data[key] for key in kept if key in row.data}
    if "answer_type" in row.data:
        extra["answer_type"] = text(row.data["answer_type"]).strip()
    return Turn(
        user=asked(row, collapse(text(row.data["question"])), BRIEF_ANSWER),
        assistant=answered(row, collapse(text(row.data["answer"]))),
        extra=extra,
    )


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data.get("skip"):
        return Skip(reason=row.data["skip"])
    name = text(row.data["image_name"])
    folders = ("images", "VQA_RAD Image Folder", "VQA_RAD_Image_Folder")
    near = tuple(row.near(folder, name) for folder in folders)
    picture = Picture(path=name, candidates=(*near, *(f"{f}/{name}" for f in folders), name))
    return Draft(images=(picture,), turns=(_turn(row),))


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(_turn(row),))


SOURCE = Source(
    name="vqarad",
    forms=(
        Form(
            name="official",
            files=_listed,
            splits=_splits,
            rows=_rows,
            key=lambda row: text(row.data["image_name"]).rpartition(".")[0],
            convert=_convert,
            wanted="'VQA_RAD Dataset Public.json' and 'VQA_RAD Image Folder/' of osf.io/89kps, or "
            "data_RAD/ with trainset.json, testset.json and images/",
        ),
        parquet_form(
            "vqarad",
            {"image", "question", "answer"}.issubset,
            _mirror_convert,
            "Parquet with image, question, answer (flaviagiammarino/vqa-rad)",
            splits={"train": ("train",), "test": ("test",)},
            gathered=("image",),
        ),
    ),
)
