"""TallyQA: counting questions on photographs of COCO and Visual Genome.

Acharya et al. 2019, TallyQA, arXiv:1810.12440. Pictures of val2014 stay out of training. A question
that comes back on the same picture is asked once, with its most frequent answer; the answer is the
bare number. Memory holds a number for each question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import BRIEF_ANSWER, asked, collapse, majority, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn, content_hash
from cauldron.sources._coco import COCO_PICTURES, coco_named
from cauldron.sources._layouts import splits_of
from cauldron.sources._records import holds
from cauldron.sources.base import Form, Source

_FIELDS = ("image", "question", "answer", "image_id")
_KEPT = ("question_id", "data_source", "issimple", "answers")
_GENOME = ("VG_100K", "VG_100K_2")
_ABOVE = ("", "visual_genome/", "vg/", "images/")


def _files(raw: Raw, split: str) -> list[Found]:
    if split not in ("train", "test"):
        return []
    own = raw.find(f"{split}_tallyqa.json")
    fitting = (f for f in raw.find(f"{split}.json") if holds(_read(raw, f, split), *_FIELDS))
    return own[:1] or list(fitting)[:1]


def _read(raw: Raw, found: Found, split: str) -> Iterator[Row]:
    return json_list(raw, found, split, "tallyqa")


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        repeated = _repeated(_read(raw, file, split))
        told: set[int] = set()
        for row in _read(raw, file, split):
            fact = _fact(row)
            if fact is None or fact not in repeated:
                yield row
            elif fact in told:
                yield replace(row, data={**row.data, "skip": "repeated_question"})
            else:
                told.add(fact)
                yield replace(row, data={**row.data, "answers": repeated[fact]})


def _repeated(rows: Iterator[Row]) -> dict[int, list[Any]]:
    """Return the answers of every question that is asked more than once on its picture."""
    first: dict[int, Any] = {}
    several: dict[int, list[Any]] = {}
    for row in rows:
        fact = _fact(row)
        if fact is None:
            continue
        answer = row.data.get("answer")
        if fact in first:
            several.setdefault(fact, [first[fact]]).append(answer)
        else:
            first[fact] = answer
    return several


def _fact(row: Row) -> int | None:
    try:
        return content_hash(0, row.data["image"], collapse(row.data["question"]).lower())
    except (KeyError, TypeError, AttributeError):
        return None


def _picture(row: Row, path: str) -> Picture | Reject | Skip:
    name = path.rpartition("/")[2]
    if "VG" in path:
        folders = dict.fromkeys([path.rpartition("/")[0] or _GENOME[0], *_GENOME])
        places = [f"{folder}/{name}" for folder in folders]
        far = [f"{above}{place}" for place in places for above in _ABOVE]
        return Picture(path=name, candidates=(*far, *(row.near(p) for p in places), name))
    if "val" in path and row.split == "train":
        return Skip(reason="validation_picture")
    return coco_named(row, name) or Reject(reason="picture_pool_unknown", detail=path[:200])


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    picture = _picture(row, text(row.data["image"]))
    if not isinstance(picture, Picture):
        return picture
    turn = Turn(
        user=asked(row, row.data["question"], BRIEF_ANSWER),
        assistant=majority(row.data.get("answers") or [row.data["answer"]]),
        extra={key: row.data[key] for key in _KEPT if key in row.data},
    )
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="tallyqa",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["image"]).rpartition(".")[0],
            convert=_convert,
            wanted="train.json of tallyqa.zip (or train_tallyqa.json), train2014/ of COCO, and "
            "VG_100K/ and VG_100K_2/ of Visual Genome",
            pictures=f"{COCO_PICTURES}; and images.zip and images2.zip of Visual Genome, which "
            "hold VG_100K and VG_100K_2",
        ),
    ),
)
