"""The CAMEL AI sets: problems and solutions that GPT-4 wrote by topic and sub-topic.

Li et al. 2023, CAMEL: Communicative Agents for "Mind" Exploration of Large Language Model Society,
arXiv:2303.17760. One JSON file a problem, in a zip; its name is the sample's name. The key of the
topic really is `topic;`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cauldron.readers import json_file
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._chats import pair
from cauldron.sources._places import parquet_form, stem
from cauldron.sources.base import Form, Source

_FIELDS = ("message_1", "message_2")


def _files(raw: Raw, split: str) -> list[Found]:
    """Return all numbered JSON files when the first one is a problem, or cannot be read."""
    found = raw.find("[0-9]*.json") if split == "train" else []
    first = json_file(raw, found[0], split, "camel").data if found else {}
    return found if isinstance(first, Reject) or set(_FIELDS) <= first.keys() else []


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read the file of a problem."""
    found = Found(root="", path=row.file, url=row.data["url"])
    yield replace(row, data=json_file(raw, found, row.split, row.source).data)


def _convert(row: Row) -> Draft | Reject | Skip:
    asked, answered = (row.data[name] for name in _FIELDS)
    return pair(row, asked, answered, ("topic;", "topic", "sub_topic"))


def camel(subject: str) -> Source:
    """Return the source of one subject."""
    name = f"camel_ai_{subject}"

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield Row(
                file=file.path,
                record="",
                data={"url": file.url},
                folder=file.folder,
                split=split,
                source=name,
            )

    official = Form(
        name="official",
        files=_files,
        splits=lambda raw: ["train"] if _files(raw, "train") else [],
        rows=rows,
        key=lambda row: stem(row.file),
        convert=_convert,
        open=_open,
        wanted=f"{subject}.zip of camel-ai/{subject}",
    )
    mirror = parquet_form(
        name,
        set(_FIELDS).issubset,
        _convert,
        f"the hub's Parquet conversion of camel-ai/{subject}",
        splits={"train": ("train",)},
    )
    return Source(name=name, forms=(official, mirror))
