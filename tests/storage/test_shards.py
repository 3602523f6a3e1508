"""Shards: row groups within their limits, what is written is what is read, faults told."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cauldron.errors import StorageError
from cauldron.sample import SAMPLE_SCHEMA, sample_table
from cauldron.storage import shards
from cauldron.storage.index import PICTURES, index_url

LIMIT = 1000


def samples(*pictures: list[int], first: int = 0) -> pa.Table:
    """Return samples with pictures of these sizes."""
    return sample_table(
        [
            {
                "id": f"x/{number}", "source": "x", "messages": [], "license": "", "extra": "{}",
                "images": [{"bytes": b"p" * size, "path": None} for size in sizes],
                "origin": {"file": "", "record": ""},
            }
            for number, sizes in enumerate(pictures, start=first)
        ]
    )  # fmt: skip


ROWS = st.lists(st.lists(st.integers(0, 700), max_size=3), max_size=14)


@example(rows=[[600, 400], [0], [1], [500], [500], [1]], cuts=[], skip=0)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 14), max_size=3), skip=st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_groups_are_as_full_as_both_limits_allow_however_the_rows_come(
    rows: list[list[int]], cuts: list[int], skip: int
) -> None:
    table = samples(*rows).slice(skip)
    rows = rows[skip:]
    edges = sorted({0, table.num_rows, *(min(cut, table.num_rows) for cut in cuts)})
    pieces = [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "BYTES_PER_GROUP", LIMIT)
        patch.setattr(shards, "ROWS_PER_GROUP", 4)
        groups = list(shards._groups([*pieces, table.slice(0, 0)], SAMPLE_SCHEMA))
    wanted: list[list[int]] = []
    for size in map(sum, rows):
        if not wanted or len(wanted[-1]) == 4 or sum(wanted[-1]) + size > LIMIT:
            wanted.append([])
        wanted[-1].append(size)
    assert [group.num_rows for group in groups] == [len(group) for group in wanted]
    assert [i for group in groups for i in group["id"].to_pylist()] == table["id"].to_pylist()
    assert all(column.num_chunks == 1 for group in groups for column in group.columns)


def test_a_full_group_does_not_wait_for_the_next_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", 2)
    given = iter([samples([1], [1]), samples([1])])
    groups = shards._groups(given, SAMPLE_SCHEMA)
    assert next(groups).num_rows == 2 and len(list(given)) == 1


def test_rows_of_another_schema_are_cast_to_it() -> None:
    batch = samples([1], [2]).replace_schema_metadata(None).to_batches()[0]
    (group,) = shards._groups([batch], SAMPLE_SCHEMA)
    assert group.schema.equals(SAMPLE_SCHEMA, check_metadata=True)


def test_a_shard_reads_back_and_tells_its_size_and_hash(tmp_path: Path) -> None:
    url = str(tmp_path / "sub" / "a.parquet")
    table = samples([5], [], [3, 4])
    found = shards.write_shard(url, [table.slice(0, 1), table.slice(1)], SAMPLE_SCHEMA)
    content = Path(url).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert found.as_dict() == {
        "name": "a.parquet", "rows": 3, "size_bytes": len(content), "sha256": digest
    }  # fmt: skip
    assert shards.file_sha256(url) == digest
    assert shards.read_table(url).equals(table)
    assert shards.read_table(url, ["id"]).column_names == ["id"]
    assert [b.num_rows for b in shards.iter_batches(url, ["id"], 2)] == [2, 1]
    assert not Path(index_url(url)).exists()


def test_an_indexed_shard_has_its_index_beside_it(tmp_path: Path) -> None:
    url = str(tmp_path / "a.parquet")
    shards.write_shard(url, [samples([5])], SAMPLE_SCHEMA, indexed=True)
    assert {p.name for p in tmp_path.iterdir()} == {"a.parquet", Path(index_url(url)).name}


def test_texts_alone_have_a_codec_and_names_that_repeat_a_dictionary(tmp_path: Path) -> None:
    url = str(tmp_path / "a.parquet")
    shards.write_shard(url, [samples([5, 5], [9])], SAMPLE_SCHEMA)
    group = pq.ParquetFile(url).metadata.row_group(0)
    columns = {c.path_in_schema: c for c in map(group.column, range(group.num_columns))}
    names = {name.removeprefix("messages.list.element."): c for name, c in columns.items()}
    assert {n for n, c in names.items() if c.compression == "ZSTD"} == {
        "content.list.element.text",
        "extra",
    }
    repeated = {"source", "license", "origin.file", "role", "content.list.element.type"}
    assert {n for n, c in names.items() if c.has_dictionary_page} == repeated
    assert {n for n, c in names.items() if c.statistics} == {"id"}
    assert set(columns[PICTURES].encodings) == {"PLAIN", "RLE"}
    assert columns["id"].has_column_index and columns["id"].has_offset_index
    assert pq.ParquetFile(url).schema_arrow.metadata == SAMPLE_SCHEMA.metadata


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_a_column_of_bytes_alone_is_kept_as_pictures_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    monkeypatch.setattr(shards, "BYTES_PER_GROUP", LIMIT)
    url, schema = str(tmp_path / "a.parquet"), pa.schema([("id", pa.string()), ("image", kind)])
    payloads = [b"p" * 600, b"q" * 400, None, b"r" * 300, b"s" * 800]
    table = pa.table([list("abcde"), pa.array(payloads, kind)], schema=schema)
    shards.write_shard(url, [table.slice(0, 2), table.slice(2)], schema)
    told = pq.read_metadata(url)
    assert [told.row_group(n).num_rows for n in range(told.num_row_groups)] == [3, 1, 1]
    column = told.row_group(0).column(1)
    assert column.compression == "UNCOMPRESSED" and set(column.encodings) == {"PLAIN", "RLE"}
    assert not column.statistics
    monkeypatch.setattr(shards, "spare_cores", lambda: 2)
    assert shards.read_table(url).equals(table)
    assert shards.read_table(url, ["id"]).equals(table.select(["id"]))


def test_room_that_was_reserved_and_not_needed_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = samples(*([1 << 20] for _ in range(40)))
    found = shards.write_shard(str(path), [table], SAMPLE_SCHEMA)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_blocks * 512 < found.size_bytes + (1 << 20)


def test_many_groups_are_written_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", 2)
    url = str(tmp_path / "a.parquet")
    table = samples(*([n] for n in range(11)))
    assert shards.write_shard(url, [table], SAMPLE_SCHEMA).sha256 == shards.file_sha256(url)
    groups = list(shards.iter_row_groups(url, ["id", "images"]))
    assert [group.num_rows for group in groups] == [2] * 5 + [1]
    assert pa.concat_tables(groups)["id"].to_pylist() == table["id"].to_pylist()
    assert groups[0].column_names == ["id", "images"]


def test_a_small_table_is_written_whole(tmp_path: Path) -> None:
    url = str(tmp_path / "a.parquet")
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    found = shards.write_table(url, table)
    assert (found.rows, found.sha256, found.name) == (3, shards.file_sha256(url), "a.parquet")
    assert found.size_bytes == Path(url).stat().st_size
    assert shards.read_table(url).equals(table)
    column = pq.ParquetFile(url).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD" and column.has_offset_index


def test_a_file_that_does_not_read_back_is_told(tmp_path: Path) -> None:
    url = str(tmp_path / "a.parquet")
    shards.write_table(url, pa.table({"a": [1, 2]}))
    with pytest.raises(StorageError, match="wrote 3 rows, found 2"):
        shards._checked(url, 3, 1, "")


@pytest.mark.parametrize("payload", [b"", b"PAR1", b"rubbish" * 50])
@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_what_is_no_parquet_is_told_in_one_line(
    tmp_path: Path, payload: bytes, scheme: str
) -> None:
    url = f"{scheme}{tmp_path}/a.parquet"
    shards.write_bytes(url, payload)
    with pytest.raises(StorageError, match=r"cannot read Parquet: [^\n]+$") as caught:
        shards.read_table(url)
    assert caught.value.place == url and len(caught.value.message.split()) > 5


@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_shards_are_read_anywhere_unless_they_are_newer(tmp_path: Path, scheme: str) -> None:
    url = f"{scheme}{tmp_path}/a.parquet"
    shards.write_shard(url, [samples([5])], SAMPLE_SCHEMA, indexed=True)
    assert shards.read_table(url).num_rows == 1
    for version, said in (
        (b"2", "a shard of version 2 is newer than 1"),
        (b"x", "unknown version"),
    ):
        metadata, made = {b"cauldron.schema_version": version}, pa.BufferOutputStream()
        pq.write_table(samples([5]).replace_schema_metadata(metadata), made)
        shards.write_bytes(url, made.getvalue())
        with pytest.raises(StorageError, match=said):
            shards.read_table(url)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([[5], [600, 30], [7], [620]], (630, 1)),
        ([[5], [60, 30], [7], [20], [900], [900]], (900, 4)),
        ([[600]] * 4, (600, 0)),
        ([[], [3]], (0, 0)),
    ],
)
def test_the_largest_row_is_found_where_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[list[int]], found: Any
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", 2)
    url = str(tmp_path / "a.parquet")
    shards.write_shard(url, [samples(*sizes)], SAMPLE_SCHEMA)
    groups = pq.ParquetFile(url).metadata
    monkeypatch.setattr(shards, "BYTES_PER_GROUP", 2 * groups.row_group(0).total_byte_size - 2)
    if sizes[0] == []:
        monkeypatch.setattr(shards, "BYTES_PER_GROUP", 32 << 20)
    assert shards.largest_row(url) == found


def test_tables_without_pictures_have_rows_without_bytes() -> None:
    assert shards._picture_bytes(pa.table({"a": [1, 2]})) == [0, 0]
    assert shards._picture_bytes(samples([], [])) == [0, 0]
    table = samples([1, 2], [3], [], [4])
    assert shards._picture_bytes(table.slice(1, 3)) == [3, 0, 4]
    assert shards._picture_bytes(pa.concat_tables([table, table.slice(3)])) == [3, 3, 0, 4, 4]
