"""How the records of a JSON file are found: lists, lines, one object, whatever its encoding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import SourceError
from cauldron.readers.raw import Raw
from cauldron.sample import Reject
from cauldron.sources._records import records

ONE = {"id": 1, "conversations": [{"from": "human", "value": "a?"}, {"from": "gpt", "value": "b"}]}
TWO = {"id": 2, "conversations": [{"from": "human", "value": "ü?"}, {"from": "gpt", "value": "语"}]}


def read(folder: Path, payload: bytes) -> list[Any]:
    (folder / "train.json").write_bytes(payload)
    raw = Raw([str(folder)])
    (found,) = raw.find("train.json")
    return [row.data for row in records(raw, found, "train", "llava")]


TEXTS = {
    "list": json.dumps([ONE, TWO], ensure_ascii=False),
    "lines": "\n".join(json.dumps(one, ensure_ascii=False) for one in (ONE, TWO)) + "\n",
    "data": json.dumps({"data": [ONE, TWO]}, ensure_ascii=False),
    "data, indented": json.dumps({"data": [ONE, TWO]}, ensure_ascii=False, indent=2),
    "data behind facts": json.dumps(
        {"version": "1.0", "info": {"by": "x"}, "tags": ["a"], "n": 2, "records": [ONE, TWO]}
    ),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("shape", TEXTS)
def test_records_are_found(shape: str, encoding: str, tmp_path: Path) -> None:
    assert read(tmp_path, TEXTS[shape].encode(encoding)) == [ONE, TWO]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_dialogue_is_one_record(indent: int | None, tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(ONE, indent=indent).encode()) == [ONE]


def test_a_long_list_inside_an_object_is_read(tmp_path: Path) -> None:
    many = [{**ONE, "id": number} for number in range(2_000)]
    assert read(tmp_path, json.dumps({"data": many}).encode()) == many


@pytest.mark.parametrize("line", [b'{"id": 1, "conv', b'{"id": 1, "text": "cut"', b'{"a": 1,'])
def test_a_broken_first_line_does_not_cost_the_others(line: bytes, tmp_path: Path) -> None:
    rows = read(tmp_path, line + b"\n" + json.dumps(TWO).encode() + b"\n")
    assert [type(row) for row in rows] == [Reject, dict]


def test_utf_16_that_ends_in_half_a_letter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not valid UTF-16"):
        read(tmp_path, json.dumps([ONE]).encode("utf-16") + b"\x00")


def test_an_object_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ends too early"):
        read(tmp_path, json.dumps({"data": [ONE, TWO]}, indent=2).encode()[:-40])
