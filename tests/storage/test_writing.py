"""Files that are written together, and shards as they lie on the disk."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron.errors import StorageError
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, sample_table
from cauldron.storage import files, shards
from cauldron.storage.shards import ROWS_PER_GROUP, read_table, write_shard


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def payloads(folder: Path, text: bytes) -> list[tuple[str, bytes]]:
    return [(str(folder / f"{n % 2}" / f"{n}.bin"), text * n) for n in range(20)]


def test_files_written_together_appear_when_all_are_on_the_disk(tmp_path: Path) -> None:
    files.write_all(payloads(tmp_path, b"old"))
    before, seen, synced = names(tmp_path), [], []

    def sync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append(path)
        if path.suffix == files.TEMPORARY:
            seen.append((tmp_path / "1" / "1.bin").read_bytes())

    with mock.patch("os.fsync", sync):
        files.write_all(payloads(tmp_path, b"new"))
    assert seen == [b"old"] * 20
    assert set(synced[-2:]) == {tmp_path / "0", tmp_path / "1"} and len(synced) == 22
    assert names(tmp_path) == before
    assert (tmp_path / "1" / "19.bin").read_bytes() == b"new" * 19


def test_a_disk_that_fails_leaves_all_files_as_they_were(tmp_path: Path) -> None:
    files.write_all(payloads(tmp_path, b"old"))
    before = names(tmp_path)

    def full(descriptor: int) -> None:
        if "/7.bin" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")

    with mock.patch("os.fsync", full), pytest.raises(StorageError, match="No space left"):
        files.write_all(payloads(tmp_path, b"new"))
    assert names(tmp_path) == before
    assert {Path(url).read_bytes() for url, text in payloads(tmp_path, b"old") if text} == {
        b"old" * n for n in range(1, 20)
    }


def test_a_shard_is_the_same_however_its_rows_come(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"x/train/{n}",
            "source": "x",
            "messages": chat_messages(1, (Turn(user="What is shown?", assistant=f"{n}"),)),
            "images": [{"bytes": bytes([n % 256]) * (n * 7 % 5000), "path": None}],
            "license": "",
            "origin": {"file": "f", "record": str(n)},
            "extra": "",
        }
        for n in range(350)
    ]
    written = set()
    for step in (1, 7, 99, 100, 101, 350):
        tables = [sample_table(rows[k : k + step]) for k in range(0, 350, step)]
        path = tmp_path / f"{step}.parquet"
        shard = write_shard(str(path), tables, SAMPLE_SCHEMA)
        written.add((shard.sha256, path.read_bytes()))
    assert len(written) == 1
    told = pq.read_metadata(path)
    assert [told.row_group(k).num_rows for k in range(4)] == [*[ROWS_PER_GROUP] * 3, 50]
    assert pa.table(pq.read_table(path)).equals(pa.concat_tables([sample_table(rows)]))


def test_a_shard_is_read_by_all_cores_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = {"messages": [], "images": [{"bytes": b"x", "path": None}], "extra": ""}
    rest = {"source": "x", "license": "", "origin": {"file": "f", "record": ""}}
    table = sample_table([{"id": f"x/train/{n}", **payload, **rest} for n in range(450)])
    url = str(tmp_path / "a.parquet")
    write_shard(url, [table], SAMPLE_SCHEMA)
    for many in (1, 2, 3, 8):
        monkeypatch.setattr(shards, "spare_cores", lambda many=many: many)
        assert read_table(url).equals(table)
        assert read_table(url, ["id", "images"]).equals(table.select(["id", "images"]))
