"""The LLaVA shape: dialogues in JSON, with a mark where a picture stands.

The n-th mark stands for the n-th picture; it becomes a picture at that place, and one line feed
beside it is dropped. Marks and pictures must agree in number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._chats import dialogue, fields, record_forms, spoken_in_parts
from cauldron.sources._coco import coco
from cauldron.sources._layouts import Names
from cauldron.sources._places import cell_picture
from cauldron.sources.base import Form

_ABOVE = ("", "images/", "data/", "playground/data/")
"""Folders of the LLaVA code in which the paths of a set begin."""
COCO_FOLDERS = ("train2017", "train2014", "val2017", "val2014")
PICTURES = (
    "the pictures under the paths that the set gives (coco/train2017/..., that is train2017.zip of "
    "COCO); name the folder that holds them, packed or unpacked, as a further raw folder"
)
_MARK = re.compile(r"<image(?: (\d+))?>|<ImageHere>")
_COCO = re.compile(r"(?:COCO_(?:train|val)2014_)?(\d{12})\.jpg")


def chat(row: Row) -> Draft | Reject | Skip:
    """Return the dialogue of a record with its pictures."""
    data = row.data
    if data.get("video"):
        return Skip(reason="video")
    at = "conversations" if "conversations" in data else "messages"
    spoken = list(spoken_in_parts(row, at))
    named = [name for *_, found in spoken for name in found if isinstance(name, str)]
    pictures = pictures_in(row) or [placed_picture(row, name) for name in named]
    extra = {**fields(row, ("id",)), **coco_ids(picture.path for picture in pictures)}
    draft = dialogue([(speaker, words) for speaker, words, _ in spoken], extra)
    return draft if isinstance(draft, Reject) else illustrated(draft, pictures)


def pictures_in(row: Row) -> list[Picture]:
    """Return the pictures of a record, one, several or none: named, or held in its cells."""
    found = row.data.get("image") or row.data.get("images") or []
    cells = found if isinstance(found, list) else [found]
    return [
        cell_picture(row, cell) if isinstance(cell, dict) else placed_picture(row, text(cell))
        for cell in cells
    ]


def coco_ids(names: Iterable[str]) -> dict[str, list[int]]:
    """Return the numbers of COCO pictures, whatever folder and spelling a set gives them."""
    found = [_COCO.fullmatch(PurePosixPath(name).name) for name in names]
    return {"coco_ids": [int(match[1]) for match in found if match]} if any(found) else {}


def placed_picture(row: Row, name: str) -> Picture:
    """Return a picture by its path in the set, or where COCO itself keeps it."""
    last = PurePosixPath(name).name
    places = [place for a in _ABOVE for place in (row.near(f"{a}{name}"), f"{a}{name}")]
    places.append(f"images/{last}")
    match = _COCO.fullmatch(last)
    if match:
        places += coco(row, match[1], COCO_FOLDERS).candidates
    return Picture(path=last, candidates=tuple(dict.fromkeys((*places, last))))


def illustrated(draft: Draft, pictures: Sequence[Picture]) -> Draft | Reject:
    """Return a dialogue with pictures at its marks; without any mark they stand in front."""
    if any(_MARK.search(said) for said in (draft.system, *(t.assistant for t in draft.turns))):
        return Reject(reason="image_token_misplaced", detail="in an answer or a system text")
    marks = [mark[1] for turn in draft.turns for mark in _MARK.finditer(turn.user)]
    if not marks:
        notes = {**draft.notes, "image_token_absent": 1} if pictures else draft.notes
        return replace(draft, images=tuple(pictures), notes=notes)
    order = [int(number or place) - 1 for place, number in enumerate(marks, start=1)]
    if sorted(order) != list(range(len(pictures))):
        detail = f"{len(marks)} marks, {len(pictures)} pictures"
        return Reject(reason="image_token_count", detail=detail)
    turns: list[Turn] = []
    first = 0
    for turn in draft.turns:
        parts = _parts(turn.user, first)
        first += sum(isinstance(part, int) for part in parts)
        said = "".join(part for part in parts if isinstance(part, str))
        turns.append(replace(turn, user=said, parts=parts if said != turn.user else ()))
    images = tuple(pictures[place] for place in order)
    return replace(draft, images=images, turns=tuple(turns))


def _parts(asked: str, first: int) -> tuple[str | int, ...]:
    """Return texts and picture numbers of a question, numbers from `first` on."""
    texts = _MARK.split(asked)[::2]
    for place in range(1, len(texts)):
        if texts[place].startswith("\n"):
            texts[place] = texts[place][1:]
        elif texts[place - 1].endswith("\n"):
            texts[place - 1] = texts[place - 1][:-1]
    out: list[str | int] = [texts[0]]
    for number, piece in enumerate(texts[1:], start=first):
        out += [number, piece]
    return tuple(part for part in out if part != "")


def unmarked(asked: str) -> str:
    """Return a question without its marks, for pictures that stand in front."""
    return "".join(part for part in _parts(asked, 0) if isinstance(part, str))


def llava_forms(
    source: str,
    names: Names,
    wanted: str,
    convert: Callable[[Row], Draft | Reject | Skip] = chat,
    pictures: str = PICTURES,
    key: Callable[[Row], str] | None = None,
    tables: Names | None = None,
) -> tuple[Form, Form]:
    """Return the forms of a set in the LLaVA shape: its JSON files, and Parquet of them."""
    needed = {"conversations"}
    return record_forms(
        source, names, needed, convert, wanted, key=key, pictures=pictures, tables=tables
    )
