"""JSON streams: what json reads, whatever the block size; the same errors; bounded memory."""

from __future__ import annotations

import io
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.errors import SourceError
from cauldron.readers import json_list, json_object, json_stream
from cauldron.readers.json_stream import members
from cauldron.readers.raw import Raw

_TEXT = st.text('ab"\\{}[],: \n\u00e9\u4e2d\U0001f600', max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


class Slow(io.BytesIO):
    """A file that gives at most a few bytes at a time."""

    def __init__(self, payload: bytes, block: int) -> None:
        super().__init__(payload)
        self._block = block

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._block)


def read(payload: bytes, path: list[str], opener: str, block: int) -> list[tuple[Any, Any]]:
    return list(members(Slow(payload, block), "file.json", path, opener))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_VALUES, max_size=6),
    st.dictionaries(_TEXT, _VALUES, max_size=5),
    _VALUES,
    st.integers(3, 40),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_members_are_what_json_reads_for_any_block_size(
    items: list[Any], fields: dict[str, Any], other: Any, block: int, indent: Any, ascii_: bool
) -> None:
    whole = {"before": other, "questions": items, "after": {"deep": fields}}
    payload = json.dumps(whole, indent=indent, ensure_ascii=ascii_).encode()
    assert [v for _, v in read(payload, ["questions"], "[", block)] == items
    assert dict(read(payload, ["after", "deep"], "{", block)) == fields


@settings(max_examples=100, deadline=None)
@given(st.lists(_VALUES, min_size=1, max_size=5), st.integers(3, 40), st.data())
def test_a_list_that_is_cut_off_anywhere_is_an_error(
    items: list[Any], block: int, data: st.DataObject
) -> None:
    payload = json.dumps(items).encode()
    cut = payload[: data.draw(st.integers(0, len(payload) - 1))]
    with pytest.raises(SourceError, match="not valid JSON"):
        read(cut, [], "[", block)


@settings(max_examples=150, deadline=None)
@given(st.lists(_VALUES, min_size=1, max_size=4), st.integers(3, 40), st.data())
def test_a_changed_byte_gives_what_json_reads_or_an_error(
    items: list[Any], block: int, data: st.DataObject
) -> None:
    payload = bytearray(json.dumps(items).encode())
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] = data.draw(st.sampled_from(list(b'{}[],:"a1 ')))
    try:
        expected, _ = json.JSONDecoder().raw_decode(payload.decode().lstrip())
    except ValueError:
        expected = None
    try:
        found = [v for _, v in read(bytes(payload), [], "[", block)]
    except SourceError:
        assert not isinstance(expected, list)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "ends too early at byte 0"),
        (b"<html>", "unexpected '<' at byte 0"),
        (b"[1, 2", "ends too early at byte 5"),
        (b"[1,, 2]", "Expecting value at byte 3"),
        (b"[1, 2,]", "at byte 6"),
        (b"[1}", "another bracket is open at byte 2"),
        (b'[{"a": 1}, {"a" 2}]', "at byte 16"),
        (b"\xff\xfe[\x00]\x00", "UTF-16"),
    ],
)
def test_a_fault_is_named_with_its_byte(payload: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        list(members(io.BytesIO(payload), "file.json"))


@pytest.mark.parametrize("payload", [b'{"a": [1]}', b'"text"', b"7"])
def test_a_missing_list_is_named(payload: bytes) -> None:
    with pytest.raises(SourceError, match=r"file.json: holds no list under 'questions'"):
        list(members(io.BytesIO(payload), "file.json", ["questions"]))


def test_equal_keys_of_an_object_are_all_kept() -> None:
    found = list(members(io.BytesIO(b'{"a": 1, "a": {"a": 2}}'), "f", [], "{"))
    assert found == [("a", 1), ("a", {"a": 2})]


def test_nan_and_half_surrogates_are_let_through() -> None:
    (_, nan), (_, text) = members(io.BytesIO(b'[NaN, "\\ud800"]'), "f")
    assert math.isnan(nan) and text == "\ud800"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert list(members(io.BytesIO(b"\xef\xbb\xbf[5]"), "f")) == [(0, 5)]


def test_rows_have_number_or_key_as_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": {"list": [{"x": 1}], "object": {"k": {"x": 2}}}}')
    raw = Raw([str(tmp_path)])
    (found,) = raw.find("a.json")
    (first,) = json_list(raw, found, "train", "s", at=("data", "list"))
    (second,) = json_object(raw, found, "train", "s", at=("data", "object"))
    assert (first.record, first.data, first.file) == ("0", {"x": 1}, "a.json")
    assert (second.record, second.data) == ("k", {"x": 2})


def test_a_member_longer_than_many_blocks_is_read() -> None:
    long = {"text": "x" * (json_stream.BLOCK * 5), "n": [1, 2]}
    payload = json.dumps([1, long, 2]).encode()
    assert [v for _, v in members(io.BytesIO(payload), "f")] == [1, long, 2]


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(n: int) -> int:
        item = json.dumps({"image_index": 1, "question_string": "How many ?" * 5, "box": [{}] * 3})
        payload = f'{{"info": [1], "qa_pairs": [{", ".join([item] * n)}]}}'.encode()
        tracemalloc.start()
        count = sum(1 for _ in members(io.BytesIO(payload), "f", ["qa_pairs"]))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == n
        return size

    assert peak(120_000) < 1.3 * peak(20_000)
