"""The index of a shard: every picture's bytes by offset, every row's chat, faults told."""

from __future__ import annotations

from pathlib import Path

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


def test_a_cut_index_is_refused(tmp_path: Path) -> None:
    content = Path(index.index_url(str(shard(tmp_path / "a.parquet", [[b"one"]])))).read_bytes()
    for bad in (content[:-1], content[:20], b"", b"PAR1" + content[4:]):
        with pytest.raises(StorageError):
            index.parse(bad)


def test_compressed_pictures_are_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [[b"one" * 100]])
    pq.write_table(pq.read_table(path), tmp_path / "b.parquet", compression="zstd")
    with pytest.raises(StorageError, match="PLAIN"):
        index.build_index(tmp_path / "b.parquet")
