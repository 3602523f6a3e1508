"""Threat 17: an endless line is rejected in bounded memory; the lines around it are read."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cauldron.readers.columnar import open_parquet, parquet_groups
from cauldron.readers.raw import Raw, Row
from tests.trust.commands import peak_of
from tests.trust.hostile import OWN

MOST_BYTES = 300 << 20


@pytest.mark.parametrize(
    "size", [70 << 20, pytest.param(1 << 30, marks=[pytest.mark.slow])], ids=["70M", "1G"]
)
def test_threat_17_an_endless_line_is_rejected_in_bounded_memory(tmp_path: Path, size: int) -> None:
    turns = [{"user": u, "assistant": a} for u, a in OWN["words"]["turns"]]
    (tmp_path / "words.yaml").write_text(
        yaml.safe_dump({"name": "words", **OWN["words"], "turns": turns})
    )
    (tmp_path / "raw").mkdir()
    block = b"x" * (1 << 20)
    with (tmp_path / "raw" / "words.jsonl").open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(size >> 20):
            file.write(block)
        file.write(b'"}\n{"text": "after"}\n')
    work = tmp_path / "work"
    done, peak = peak_of(
        "ingest", tmp_path / "words.yaml", tmp_path / "raw", "-o", work, "--workers", "1"
    )
    (tmp_path / "raw" / "words.jsonl").unlink()
    assert done.returncode == 0, done.stderr
    entry = orjson.loads((work / "ledger" / "ingest-words-train.json").read_bytes())
    assert (entry["counts"]["read"], entry["counts"]["written"]) == (3, 2)
    assert entry["counts"]["reasons"]["quarantined"] == {"line_too_long": 1}
    assert peak < MOST_BYTES, peak >> 20


@pytest.mark.parametrize(
    "bad",
    [
        pa.array([0, 2**62, 1], pa.timestamp("us")),
        pa.array([b"a", b"\xff\xfe", b"c"], pa.binary()).view(pa.string()),
    ],
    ids=["date", "text"],
)
def test_threat_17_a_value_that_python_does_not_have_costs_its_row(
    tmp_path: Path, bad: pa.Array
) -> None:
    pq.write_table(pa.table({"a": bad, "n": [0, 1, 2]}), tmp_path / "a.parquet")
    raw = Raw([str(tmp_path)])
    (group,) = parquet_groups(raw, raw.find("*.parquet")[0], "train", "columns")
    rows = list(open_parquet(group, raw))
    assert [row.data["n"] if isinstance(row, Row) else row.reason for row in rows] == [
        *(0, "malformed_record", 2)
    ]
