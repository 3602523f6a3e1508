"""The index of a shard: every picture's bytes by offset, every row's chat, faults told."""

from __future__ import annotations

import itertools
import mmap
import struct
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.errors import StorageError
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages
from cauldron.storage import index
from cauldron.storage.shards import write_shard


def shard(path: Path, pictures: list[list[bytes]]) -> Path:
    """Write a shard whose rows hold these pictures."""
    rows = [
        {
            "id": f"x/train/{number}",
            "source": "x",
            "messages": chat_messages(len(images), (Turn(user=f"q{number}?", assistant="é."),)),
            "images": [{"bytes": data, "path": ""} for data in images],
            "license": "",
            "origin": {"file": "f", "record": "0"},
            "extra": "{}",
        }
        for number, images in enumerate(pictures)
    ]
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    write_shard(str(path), [table], SAMPLE_SCHEMA, indexed=True)
    return path


def sliced(path: Path) -> list[list[bytes]]:
    found = index.parse(Path(index.index_url(str(path))).read_bytes())
    content = path.read_bytes()
    return [
        [content[offset : offset + length] for offset, length in found.ranges(row)]
        for row in range(found.rows)
    ]


@given(st.lists(st.lists(st.binary(max_size=3000), max_size=4), min_size=1, max_size=230))
@settings(max_examples=25, deadline=None)
def test_slices_are_the_pictures(pictures: list[list[bytes]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        assert sliced(shard(Path(folder, "a.parquet"), pictures)) == pictures


def test_pictures_larger_than_a_page_are_found(tmp_path: Path) -> None:
    pictures = [[bytes([n]) * (700_000 * n)] for n in range(1, 6)] * 3
    assert sliced(shard(tmp_path / "a.parquet", pictures)) == pictures


def test_a_row_reads_back_without_parquet(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [[b"one"], []])
    found = index.parse(Path(index.index_url(str(path))).read_bytes())
    table = pq.read_table(path, columns=["id", "messages", "extra"]).to_pylist()
    assert [found.said(row) for row in range(2)] == table


def test_an_index_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    content = Path(index.index_url(str(shard(tmp_path / "a.parquet", [[b"one"]])))).read_bytes()
    for length in range(len(content)):
        with pytest.raises(StorageError, match=r"cut off|not a shard index") as caught:
            index.parse(content[:length], "here")
        assert caught.value.place == "here"
    for bad in (content + b"x", b"PAR1" + content[4:]):
        with pytest.raises(StorageError, match=r"cut off|not a shard index"):
            index.parse(bad)


def test_an_index_of_a_newer_form_says_so_and_an_older_one_is_none(tmp_path: Path) -> None:
    content = Path(index.index_url(str(shard(tmp_path / "a.parquet", [[b"one"]])))).read_bytes()
    with pytest.raises(StorageError, match="a shard index of version 3 is newer than 2"):
        index.parse(index.MAGIC[:-1] + b"3" + content[8:])
    with pytest.raises(StorageError, match="not a shard index"):
        index.parse(index.MAGIC[:-1] + b"1" + content[8:])


def test_the_layout_of_an_index_never_changes(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [[b"one", b"three"], [], [b"x"]])
    content = Path(index.index_url(str(path))).read_bytes()
    magic, rows, pictures, text, size = struct.unpack_from("<8s4Q", content)
    assert (magic, rows, pictures, size) == (b"CLDNIDX2", 3, 3, path.stat().st_size)
    assert len(content) == 40 + 12 * (rows + 1) + 12 * pictures + text
    starts, offsets, first, lengths = (
        struct.unpack_from(f"<{n}{kind}", content, at)
        for n, kind, at in ((4, "Q", 40), (3, "Q", 72), (4, "I", 96), (3, "I", 112))
    )
    assert (first, lengths) == ((0, 2, 2, 3), (3, 5, 1))
    shown = [path.read_bytes()[at : at + n] for at, n in zip(offsets, lengths, strict=True)]
    assert shown == [b"one", b"three", b"x"]
    texts = [content[124 + a : 124 + b] for a, b in itertools.pairwise(starts)]
    assert [orjson.loads(t)["id"] for t in texts] == [f"x/train/{n}" for n in range(3)]


def test_the_places_of_an_index_are_read_without_its_text(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [[b"one", b"three"], [], [b"x"]])
    content = Path(index.index_url(str(path))).read_bytes()
    end = index.places_end(content[: index.HEAD_BYTES])
    whole, places = index.parse(content), index.parse_places(content[:end])
    assert [places.ranges(row) for row in range(3)] == [whole.ranges(row) for row in range(3)]
    assert (places.rows, places.text_offset, len(places.text)) == (3, end, 0)
    assert places.shard_bytes == whole.shard_bytes == path.stat().st_size
    said = content[end + places.text_start[1] : end + places.text_start[2]]
    assert orjson.loads(said) == whole.said(1)
    with pytest.raises(StorageError, match="cut off"):
        index.parse_places(content[: end - 1])


def test_an_index_is_hidden_beside_its_shard() -> None:
    assert index.index_url("s3://b/m/a.parquet") == "s3://b/m/.a.parquet.index"
    assert index.index_url("a.parquet") == ".a.parquet.index"


def test_compressed_pictures_are_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [[b"one" * 100]])
    pq.write_table(pq.read_table(path), tmp_path / "b.parquet", compression="zstd")
    for kept in ({}, {"compression": "none"}):
        pq.write_table(
            pq.read_table(path), tmp_path / "b.parquet", **{"compression": "zstd"} | kept
        )
        with pytest.raises(StorageError, match="PLAIN"):
            index.build_index(tmp_path / "b.parquet")
        assert index.picture_views(tmp_path / "b.parquet") is None


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("statistics", [True, False])
def test_pictures_that_others_wrote_plain_are_found(
    tmp_path: Path, version: str, statistics: bool
) -> None:
    pictures = [[bytes([n]) * (n * 3000), b""] for n in range(40)] + [[]] * 3
    path, plain = shard(tmp_path / "a.parquet", pictures), tmp_path / "b.parquet"
    pq.write_table(
        pq.read_table(path), plain, compression="none", use_dictionary=False,
        data_page_version=version, write_statistics=statistics, row_group_size=17,
        data_page_size=20_000,
    )  # fmt: skip
    Path(index.index_url(str(plain))).write_bytes(index.build_index(plain))
    assert sliced(plain) == pictures


def test_pictures_are_views_of_their_file(tmp_path: Path) -> None:
    pictures = [[b"one", b"three"], [], [b"x" * 500]]
    found = index.picture_views(shard(tmp_path / "a.parquet", pictures))
    assert found is not None
    counts, views = found
    assert counts.tolist() == [2, 0, 1]
    assert [bytes(view) for view in views] == [b"one", b"three", b"x" * 500]
    assert [bytes(view) for view in views[1:]] == [b"three", b"x" * 500]
    none = index.picture_views(shard(tmp_path / "b.parquet", [[], []]))
    assert none is not None and (none[0].tolist(), len(none[1])) == ([0, 0], 0)


def test_rows_that_have_pictures_without_bytes_have_no_views(tmp_path: Path) -> None:
    rows = pq.read_table(shard(tmp_path / "a.parquet", [[b"one"], [b"two"]])).to_pylist()
    rows[0]["images"][0]["bytes"] = None
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    path = tmp_path / "b.parquet"
    write_shard(str(path), [table], SAMPLE_SCHEMA)
    assert index.picture_views(path) is None
    with pytest.raises(StorageError, match="rows have pictures without bytes"):
        index.build_index(path)
    rows[0]["images"] = None
    write_shard(str(path), [pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)], SAMPLE_SCHEMA)
    found = index.picture_views(path)
    assert found is not None and found[0].tolist() == [0, 1] and bytes(found[1][0]) == b"two"


@pytest.mark.parametrize(
    ("encoded", "fields"),
    [
        (b"\x15\x06\x00", {1: 3}),
        (b"\x15\x05\x00", {1: -3}),
        (b"\x15\x80\x01\x00", {1: 64}),
        (b"\x16\xac\x02\x00", {1: 150}),
        (b"\x21\x12\x00", {2: True, 3: False}),
        (b"\x18\x03abc\x15\x02\x00", {1: None, 2: 1}),
        (b"\x05\xc8\x01\x02\x15\x04\x00", {100: 1, 101: 2}),
        (b"\x1c\x15\x02\x00\x15\x04\x00", {1: {1: 1}, 2: 2}),
    ],
)
def test_a_header_is_read_field_by_field(encoded: bytes, fields: dict[int, object]) -> None:
    view = mmap.mmap(-1, 64)
    view.write(b"??" + encoded)
    assert index._Thrift(view, 2).struct() == (fields, 2 + len(encoded))


def test_what_no_header_holds_is_refused() -> None:
    view = mmap.mmap(-1, 64)
    view.write(b"\x19\x15\x00")
    with pytest.raises(StorageError, match="unexpected field type 9"):
        index._Thrift(view, 0).struct()
    with pytest.raises(StorageError, match="unexpected page type 2"):
        index._page({1: 2}, view, 0)
