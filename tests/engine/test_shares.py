"""Shares of a step on several machines, and parts that cannot be done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from cauldron import steps
from cauldron.curation import measure
from cauldron.engine.local import LocalEngine
from cauldron.engine.named import read_share
from cauldron.errors import CheckError, OtherShares, UsageError
from cauldron.storage import work
from cauldron.storage.shards import read_table
from tests.test_pipeline import outputs
from tests.trees import tabmwp_tree, vsr_tree


def both(place: Path, engine: LocalEngine) -> None:
    raw = place.parent / "raw"
    if not raw.exists():
        vsr_tree(raw / "vsr"), tabmwp_tree(raw / "tabmwp")
    for name in ("vsr", "tabmwp"):
        steps.ingest(engine, str(place), name, [str(raw / name)])


def test_shares_give_the_bytes_of_one_run_and_the_last_ends_the_step(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        both(place, LocalEngine(0))
    measure(LocalEngine(0), str(one))
    with pytest.raises(OtherShares, match="share 1/2 is done; 1 of 2 jobs"):
        measure(LocalEngine(0, (0, 2)), str(two))
    assert not Path(work.ledger(str(two), "measure")).exists()
    assert measure(LocalEngine(0, (1, 2)), str(two))["parts"] == 2
    assert outputs(one) == outputs(two)


def test_a_share_of_measure_asks_for_the_whole_ingest(tmp_path: Path) -> None:
    both(tmp_path / "w", LocalEngine(0))
    url = work.ledger(str(tmp_path / "w"), "ingest-vsr-train")
    entry = orjson.loads(Path(url).read_bytes())
    Path(url).write_bytes(orjson.dumps(entry | {"status": "running"}))
    with pytest.raises(CheckError, match=r"'vsr'.*not finished"):
        measure(LocalEngine(0, (0, 2)), str(tmp_path / "w"))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3"])
def test_a_share_that_is_none_is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError):
        read_share(text)


POISON = """
import os, signal
import numpy as np
import pyarrow as pa
from cauldron.signals.groups import Group

def _measured(batch):
    word = os.environ.get("DEADLY")
    if word and any(word in (t or "") for t in batch.said.texts.to_pylist()):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"poison": np.zeros(len(batch.n_images), np.int64)}

def group():
    return Group(name="poison", version=1, fields=(("poison", pa.int64()),), measure=_measured)
"""


PLUGIN = ("--plugin", "poison=poison:group")


def measured(folder: Path, workers: int = 2, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "cauldron",
            "measure",
            str(folder / "w"),
            "--workers",
            str(workers),
            *PLUGIN,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), **env},
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_threat_21_a_record_that_kills_its_worker_costs_measure_that_record(
    tmp_path: Path, workers: int
) -> None:
    (tmp_path / "poison.py").write_text(POISON)
    both(tmp_path / "w", LocalEngine(0))
    told = measured(tmp_path, workers, DEADLY="How many pears are in row 7?")
    assert told.returncode == 0 and "Traceback" not in told.stderr, told.stderr
    table = read_table(work.signals(str(tmp_path / "w"), "tabmwp", "part-00000")).to_pylist()
    lost = [row for row in table if row["measure_error"]]
    assert [row["measure_error"] for row in lost] == [
        "poison: worker_died: its worker crashed or took too long, twice"
    ]
    assert lost[0]["poison"] is None and lost[0]["chars"] > 0
    assert sum(row["poison"] == 0 for row in table) == len(table) - 1 > 30
    assert not list((tmp_path / "w").rglob("*.partial"))


@pytest.mark.slow
def test_a_part_that_kills_its_worker_is_set_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / "poison.py").write_text(POISON)
    both(tmp_path / "w", LocalEngine(0))
    for _ in range(2):  # the second time it stands alone, and still does not end the command
        told = measured(tmp_path, DEADLY="pears")
        assert told.returncode == 3, told.stderr
        assert "tabmwp/part-00000" in told.stderr and "Traceback" not in told.stderr
        assert work.parts(str(tmp_path / "w"), "tabmwp") == []
        assert (tmp_path / "w" / "signals" / "vsr" / "part-00000.parquet").exists()
    told = measured(tmp_path)
    assert told.returncode == 0, told.stderr
    assert work.parts(str(tmp_path / "w"), "tabmwp") == ["part-00000"]
