"""Spot-the-diff: people list what changed between two frames of a surveillance camera.

Jhamtani and Berg-Kirkpatrick 2018, Learning to Describe Differences Between Pairs of Similar
Images, arXiv:1808.10584. Some pairs were given to several people, whose lists contradict each other
as a conversation: of each pair the longest list becomes the sample, of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import sentence, text
from cauldron.readers import json_list
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import split_names, splits_of
from cauldron.sources._records import holds
from cauldron.sources.base import Form, Source

ASK = (
    "What has changed from the first picture to the second?",
    "List the differences between the earlier frame and the later one.",
    "The first image was taken before the second. What is different now?",
    "Compare the picture before with the picture after and say what differs.",
    "Which things differ between the first image and the second image?",
    "Describe every change between the first frame and the second frame.",
    "The first frame is the earlier one. What is in one of the two and not in the other?",
    "The two images show one place, before and after. Name the changes.",
    "What happened between the first picture and the second?",
    "Tell me how the second picture is different from the first.",
    "Find the differences: the first image is the earlier one.",
    "Look at the frame before, then at the frame after. What changed?",
    "Which changes can be seen when going from the first image to the second?",
    "State the differences between the left (first) and the right (second) picture.",
    "Between these two frames in order of time, what has changed?",
    "Put into words what differs in the second picture.",
)
PLAIN = "What differs between the two pictures?"


def _files(raw: Raw, split: str) -> list[Found]:
    for name in split_names(split):
        for pattern in (f"annotations/{name}.json", f"{name}_spot_difference.json", f"{name}.json"):
            for file in raw.find(pattern):
                if holds(json_list(raw, file, split, "spot_the_diff"), "img_id", "sentences"):
                    return [file]
    return []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """List the annotations twice: to find the longest of each pair, and to mark the others."""
    for file in found:
        longest: dict[str, tuple[int, str]] = {}
        for row in json_list(raw, file, split, "spot_the_diff"):
            if (known := _length(row)) and known[1] > longest.get(known[0], (-1, ""))[0]:
                longest[known[0]] = known[1], row.record
        for row in json_list(raw, file, split, "spot_the_diff"):
            known = _length(row)
            if known and longest[known[0]][1] != row.record:
                row = replace(row, data={**row.data, "skip": "other_annotation_of_pair"})
            yield row


def _length(row: Row) -> tuple[str, int] | None:
    """Return the pair and the number of sentences, None for a malformed record."""
    try:
        return text(row.data["img_id"]), len(_said(row.data))
    except (KeyError, TypeError, AttributeError):
        return None


def _said(data: dict[str, Any]) -> list[str]:
    return [said.strip() for said in map(text, data["sentences"]) if said.strip()]


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skip" in row.data:
        return Skip(reason=row.data["skip"])
    said = _said(row.data)
    if not said:
        return Skip(reason="no_sentence")
    turn = Turn(
        user=PLAIN if row.plain else row.pick(ASK, "question"),
        assistant="\n".join(said) if row.plain else " ".join(sentence(one) for one in said),
        extra={"sentences": said},
    )
    pair = text(row.data["img_id"])
    pictures = tuple(
        Picture(path=name, candidates=_places(row, name))
        for name in (f"{pair}.png", f"{pair}_2.png")
    )
    empty = len(row.data["sentences"]) - len(said)
    notes = {"empty_sentence_dropped": empty} if empty else {}
    return Draft(images=pictures, turns=(turn,), notes=notes)


def _places(row: Row, name: str) -> tuple[str, ...]:
    tail = f"resized_images/{name}"
    near = (row.near("..", tail), row.near("..", "..", tail))
    return (tail, *near, f"data/{tail}", name)


SOURCE = Source(
    name="spot_the_diff",
    forms=(
        Form(
            name="official",
            files=_files,
            splits=splits_of(_files),
            rows=_rows,
            key=lambda row: text(row.data["img_id"]),
            convert=_convert,
            wanted="data/annotations/train.json of harsh19/spot-the-diff, and its resized_images/",
            pictures="resized_images/ (<id>.png and <id>_2.png), which the repository's README "
            "links: name the folder that holds it as a further raw folder",
        ),
    ),
)
