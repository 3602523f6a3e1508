"""CLEVR-Math: sums in words on the scenes of CLEVR.

Lindstrom and Abraham 2022, CLEVR-Math: A Dataset for Compositional Language, Visual and
Mathematical Reasoning, arXiv:2208.05358. The general and the multihop file are read one after the
other; all questions on one picture become one sample, the hint on a short answer stands in its
first turn only, and a question that comes back on the same picture is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cauldron.phrasing import BRIEF_ANSWER, answered, asked, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn, content_hash
from cauldron.sources._layouts import shown_name, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form
from cauldron.sources.base import Form, Source

_KEPT = ("image_filename", "question", "answer", "question_index", "template_filename")


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split):
        found = raw.find(f"clevr-math-{name}.json", f"clevr-math-multihop-{name}.json")
        if found:
            return sorted(found, key=lambda file: "multihop" in file.url)
    return []


def _key(row: Row) -> str:
    return text(row.data["image_filename"]).rpartition(".")[0]


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    opening: dict[str, int] = {}
    for file in found:
        for row in json_list(raw, file, split, "clevr_math", "questions"):
            yield _marked(row, opening)


def _marked(row: Row, opening: dict[str, int]) -> Row:
    """Keep the fields that are used, and say whether the row opens its sample.

    Later repeats of a question are found by ingest; a repeat of the opening one, which bears the
    hint, is told by the hash that is held of it.
    """
    try:
        key, question = _key(row), content_hash(0, text(row.data["question"]).strip())
    except (KeyError, TypeError, AttributeError):
        return row
    data = {name: row.data[name] for name in _KEPT if name in row.data}
    first = key not in opening
    if opening.setdefault(key, question) == question and not first:
        data["skip"] = "repeated_question"
    return replace(row, data={**data, "first": first})


def _turn(row: Row, answer: object, kept: tuple[str, ...]) -> Turn:
    return Turn(
        user=asked(row, row.data["question"], BRIEF_ANSWER if row.data["first"] else ()),
        assistant=answered(row, answer),
        extra={name: row.data[name] for name in kept if name in row.data},
    )


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    if row.data.get("answer") is None:
        return Skip(reason="unlabelled")
    name = text(row.data["image_filename"])
    split = name.split("_")[1] if name.count("_") > 1 else row.split
    tail = f"images/{split}/{name}"
    far = tuple(f"{above}{tail}" for above in ("", "CLEVR_v1.0/", "data/CLEVR_v1.0/"))
    own = (f"{split}/{name}", name, f"clevr-math-test-images/{name}")
    picture = Picture(path=name, candidates=(*far, *own))
    turn = _turn(row, row.data["answer"], ("question_index", "template_filename"))
    return Draft(images=(picture,), turns=(turn,))


def _mirror_key(row: Row) -> str:
    """Name a picture by the config and row that show it first: both configs ask about it."""
    config = "multihop" if "multihop" in row.data["shown"][0] else "general"
    return f"{config}/{shown_name(row)}"


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    turn = _turn(row, row.data["label"], ("id", "template"))
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(turn,))


_MIRROR = parquet_form(
    "clevr_math",
    {"image", "question", "label", "template"}.issubset,
    _mirror_convert,
    "Parquet with template, question, image and label (configs general, multihop)",
    gathered=("image",),
)


SOURCE = Source(
    name="clevr_math",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=_key,
            convert=_convert,
            wanted="clevr-math.zip and clevr-math-multihop.zip of dali-does/clevr-math on the hub",
            pictures="the pictures of CLEVR, CLEVR_v1.0.zip of "
            "cs.stanford.edu/people/jcjohns/clevr (for test, clevr-math-test-images.zip): beside "
            "the other archives, or as a further raw folder",
        ),
        replace(_MIRROR, key=_mirror_key),
    ),
)
