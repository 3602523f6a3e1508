"""Screen2Words: short summaries of Android screens, five each.

Wang et al. 2021, Screen2Words: Automatic Mobile UI Summarization with Multimodal Learning,
arXiv:2108.03353; screens of Rico. One of the summaries is drawn for each screen and all stay in its
extra; the form `captions` gives each summary as a sample of its own. The summaries of one split's
screens are held in memory while they are gathered (about 80,000 short texts for train).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cauldron.phrasing import answered, text
from cauldron.readers import csv_rows, text_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._layouts import first_of, split_names, splits_of
from cauldron.sources._places import cell_picture, parquet_form, placed
from cauldron.sources._wording import requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "Summarize this screen in a few words.",
    "What is this screen for?",
    "Describe the screenshot in one short phrase.",
    "Say briefly what this app screen shows.",
    "Give a short summary of the screenshot.",
    "In a few words, what does this mobile screen do?",
    "What kind of page is this? Keep it short.",
    "Name the purpose of this screen in one phrase.",
    "Write a short caption for this app screenshot.",
    "Sum up the content of this screen.",
    "What can a user do on this screen? Answer in one phrase.",
    "Tell me in short what is on this screen.",
)
_SPLITS = {"train": ("train",), "dev": ("dev", "val", "validation"), "test": ("test",)}


def _files(raw: Raw, split: str) -> list[Found]:
    screens = first_of(raw, *(f"{name}_screens.txt" for name in split_names(split, _SPLITS)))
    summaries = raw.find("screen_summaries.csv")[:1]
    return screens + summaries if screens and summaries else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """Rows of the split's screens in the order of its file, each with all its summaries."""
    screens, summaries = found
    listed: dict[str, list[str]] = {
        row.data: []
        for row in text_lines(raw, screens, split, "screen2words")
        if isinstance(row.data, str)
    }
    for row in csv_rows(raw, summaries, split, "screen2words"):
        if isinstance(row.data, Reject):
            yield row
            continue
        number = str(row.data.get("screenId", "")).strip()
        if not number.isdecimal():
            yield replace(row, data=Reject(reason="screen_id_invalid", detail=number[:80]))
        elif number in listed:
            listed[number].append(str(row.data.get("summary", "")))
    for row in text_lines(raw, screens, split, "screen2words"):
        if isinstance(row.data, str):
            told = listed.pop(row.data, None)
            data = {"screen": row.data, "summaries": told or [], "again": told is None}
            row = replace(row, folder=summaries.folder, data=data)
        yield row


def _each(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for row in _rows(raw, found, split):
        if isinstance(row.data, Reject):
            yield row
            continue
        for number, summary in enumerate(row.data["summaries"] or [""]):
            data = {**row.data, "summaries": [summary], "number": number}
            yield replace(row, record=f"{row.record}-{number}", data=data)


def _draft(row: Row, summaries: list[Any], picture: Picture) -> Draft | Reject:
    told = [stripped for summary in summaries if (stripped := text(summary).strip())]
    if not told:
        return Reject(reason="summary_missing", detail=picture.path)
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=answered(row, row.pick(told, "summary")),
        extra={"question": REQUESTS[0], "answers": told},
    )
    return Draft(images=(picture,), turns=(turn,))


def _convert(row: Row) -> Draft | Reject | Skip:
    if row.data["again"]:
        return Skip(reason="repeated_screen")
    name = f"{row.data['screen']}.jpg"
    places = placed(row, name, "combined", "unique_uis/combined")
    return _draft(row, row.data["summaries"], Picture(path=name, candidates=places))


def _copied(row: Row) -> Draft | Reject | Skip:
    told = row.data.get("captions")
    told = [row.data["text"]] if told is None else told
    return _draft(row, list(told), cell_picture(row, row.data["image"]))


def _official(name: str, rows: Any, key: Any) -> Form:
    return Form(
        name=name,
        files=_files,
        splits=splits_of(_files, _SPLITS),
        rows=rows,
        key=key,
        convert=_convert,
        wanted="screen_summaries.csv with split/train_screens.txt of "
        "google-research-datasets/screen2words, and combined/ of Rico's unique_uis.tar.gz",
        pictures="unique_uis.tar.gz of the Rico dataset (interactionmining.org/rico)",
    )


SOURCE = Source(
    name="screen2words",
    forms=(
        _official("official", _rows, lambda row: row.data["screen"]),
        _official("captions", _each, lambda row: f"{row.data['screen']}-{row.data['number']}"),
        parquet_form(
            "screen2words",
            lambda columns: "image" in columns and bool({"text", "captions"} & columns),
            _copied,
            "Parquet of pinkmooncake/rico-screen2words or rootsautomation/RICO-Screen2Words",
            splits=_SPLITS,
        ),
    ),
)
