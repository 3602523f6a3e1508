"""Ingest: counts add up, equal bytes for any number of workers, resume after a kill."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import CheckError, SourceError, StorageError
from cauldron.readers.raw import Raw
from tests.conftest import picture


def hub_tree(folder: Path, rows: int = 30, broken: int = 1) -> Path:
    """Write a Parquet file in hub form; the last `broken` pictures are not pictures."""
    folder.mkdir(parents=True)
    good = rows - broken
    images = [[{"bytes": picture((n % 256, n // 256, 9)), "path": None}] for n in range(good)]
    images += [[{"bytes": b"<html>not found", "path": None}]] * broken
    texts = [[{"user": f"q{n}", "assistant": f"a{n}", "source": "x"}] for n in range(rows)]
    table = pa.table({"images": images, "texts": texts})
    pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=7)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every samples and quarantine file."""
    found = [*folder.glob("samples/**/*.parquet"), *folder.glob("quarantine/**/*.jsonl")]
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(found)
    }


def ingest(raw: Path, work: Path, workers: int = 0, **options: object) -> dict:
    with LocalEngine(workers) as engine:
        return steps.ingest(engine, str(work), "docvqa", [str(raw)], form="hub", **options)


def test_every_record_is_written_quarantined_or_skipped(tmp_path: Path) -> None:
    counts = ingest(hub_tree(tmp_path / "raw"), tmp_path / "work")["counts"]
    assert (counts["read"], counts["written"], counts["quarantined"]) == (30, 29, 1)


def test_a_broken_picture_is_quarantined_with_its_origin(tmp_path: Path) -> None:
    ingest(hub_tree(tmp_path / "raw"), tmp_path / "work")
    (line,) = (tmp_path / "work/quarantine/docvqa/part-00000.jsonl").read_text().splitlines()
    record = orjson.loads(line)
    assert record["reason"] == "image_not_identified"
    assert record["origin"] == {"file": "train-00000-of-00001.parquet", "record": "29"}


def test_ids_are_unique(tmp_path: Path) -> None:
    ingest(hub_tree(tmp_path / "raw", rows=450), tmp_path / "work")
    ids = pq.read_table(tmp_path / "work/samples/docvqa")["id"].to_pylist()
    assert len(set(ids)) == len(ids) == 449


def test_two_workers_write_the_bytes_of_one(tmp_path: Path) -> None:
    raw = hub_tree(tmp_path / "raw", rows=2500)
    ingest(raw, tmp_path / "one", 1)
    ingest(raw, tmp_path / "two", 2)
    assert len(hashes(tmp_path / "one")) == 3
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    raw = hub_tree(tmp_path / "raw")
    ingest(raw, tmp_path / "work")
    assert ingest(raw, tmp_path / "work")["resumed"]


def test_a_missing_shard_is_made_again(tmp_path: Path) -> None:
    raw = hub_tree(tmp_path / "raw")
    ingest(raw, tmp_path / "work")
    before = hashes(tmp_path / "work")
    (tmp_path / "work/samples/docvqa/part-00000.parquet").unlink()
    ingest(raw, tmp_path / "work")
    assert hashes(tmp_path / "work") == before


@pytest.mark.parametrize("delay_s", [0.3, 0.6, 0.9])
def test_a_killed_run_ends_in_the_same_bytes(tmp_path: Path, delay_s: float) -> None:
    raw = hub_tree(tmp_path / "raw", rows=4500)
    ingest(raw, tmp_path / "whole")
    command = [sys.executable, "-m", "cauldron", "ingest", "docvqa", str(raw), "--form", "hub"]
    run = subprocess.Popen([*command, "-o", str(tmp_path / "cut"), "--workers", "1"])
    time.sleep(delay_s)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    ingest(raw, tmp_path / "cut")
    assert hashes(tmp_path / "cut") == hashes(tmp_path / "whole")


def test_too_many_rejects_fail_the_run(tmp_path: Path) -> None:
    raw = hub_tree(tmp_path / "raw", rows=10, broken=6)
    with pytest.raises(CheckError, match="6 of 10 records"):
        ingest(raw, tmp_path / "work")


def test_an_unknown_source_gets_a_near_name(tmp_path: Path) -> None:
    with LocalEngine(0) as engine, pytest.raises(SourceError, match="unknown source 'hubb'"):
        steps.ingest(engine, str(tmp_path), "hubb", [str(tmp_path)])


def test_a_path_outside_the_roots_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "raw").mkdir()
    raw = Raw([str(tmp_path / "raw")])
    with pytest.raises(StorageError, match="outside"):
        raw.read(str(tmp_path / "raw" / ".." / "secret"))
