"""Threat 21: a worker that is killed, hangs or eats memory costs one record, not the run."""

from __future__ import annotations

import itertools
import random
import sys
from pathlib import Path

import orjson
import pytest

from tests.trust.commands import Done, cauldron, child_s, told

PLUGIN = """
import ctypes, os, signal, time
from pathlib import Path
from cauldron.readers import json_lines
from cauldron.sample import Draft, Turn
from cauldron.sources.base import Form, Source, identity

def die(how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "sleep":
        time.sleep(600)
    elif how == "spin":
        while True:
            pass
    elif how == "allocate":
        held = []
        while True:
            held.append(bytearray(1 << 30))
    elif how == "exit":
        os._exit(3)

def convert(row):
    die(row.data["how"])
    return Draft(turns=(Turn(user="What?", assistant=row.data["text"]),))

def opened(row, raw):
    die(row.data.get("open", ""))
    yield row

def rows(raw, found, split):
    for file in found:
        yield from json_lines(raw, file, split, "deadly")

SOURCE = Source(
    name="deadly",
    forms=(
        Form(
            name="official",
            files=lambda raw, split: raw.find("*.jsonl"),
            splits=lambda raw: ["train"],
            rows=rows,
            key=lambda row: row.record,
            convert=convert,
            open=opened if os.environ.get("DEADLY_OPEN") else identity,
            wanted="*.jsonl",
        ),
    ),
)
"""


@pytest.fixture
def deadly(tmp_path: Path) -> dict[str, str]:
    """Install an adapter whose records end their worker; give the environment that finds it."""
    found = tmp_path / "plugin"
    told = found / "deadly-1.dist-info"
    told.mkdir(parents=True)
    (found / "deadly_source.py").write_text(PLUGIN)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[cauldron.sources]\ndeadly = deadly_source:SOURCE\n")
    paths = [str(found), *filter(None, sys.path)]
    return {"PYTHONPATH": ":".join(paths), "CAULDRON_RECORD_S": "1.5"}


def ingested(
    tmp_path: Path, env: dict[str, str], ways: dict[int, dict[str, str]], number: int = 30
) -> Done:
    raw = tmp_path / "raw"
    raw.mkdir()
    records = [{"how": "", "text": f"Answer {n}.", **ways.get(n, {})} for n in range(number)]
    (raw / "a.jsonl").write_bytes(b"\n".join(orjson.dumps(record) for record in records))
    return cauldron(
        "ingest", "deadly", raw, "-o", tmp_path / "work", "--json", "--workers", 2, env=env
    )


SLOW = [pytest.param(how, marks=pytest.mark.slow) for how in ("segfault", "sleep", "spin", "exit")]


@pytest.mark.parametrize("how", ["kill", *SLOW])
def test_threat_21_a_record_that_ends_its_worker_is_rejected_alone(
    tmp_path: Path, deadly: dict[str, str], how: str
) -> None:
    done = ingested(tmp_path, deadly, {7: {"how": how}})
    told(done, 0)
    counts = orjson.loads(done.stdout)
    assert (counts["read"], counts["written"]) == (30, 29)
    assert counts["reasons"]["quarantined"] == {"worker_died": 1}
    quarantine = (tmp_path / "work/quarantine/deadly/part-00000.jsonl").read_bytes()
    assert orjson.loads(quarantine)["origin"] == {"file": "a.jsonl", "record": "7"}


@pytest.mark.slow
def test_threat_21_several_records_may_end_their_workers(
    tmp_path: Path, deadly: dict[str, str]
) -> None:
    ways = {0: {"how": "kill"}, 9: {"how": "allocate"}, 29: {"how": "segfault"}}
    done = ingested(tmp_path, deadly, ways)
    told(done, 0)
    counts = orjson.loads(done.stdout)
    assert (counts["written"], counts["reasons"]["quarantined"]) == (27, {"worker_died": 3})


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("deaths", "code"), [(200, 0), (1_500, 3)])
def test_threat_21_up_to_a_tenth_of_many_records_may_end_their_workers(
    tmp_path: Path, deadly: dict[str, str], deaths: int, code: int
) -> None:
    chosen = sorted(random.Random(deaths).sample(range(10_000), deaths))
    hows = itertools.cycle(("kill", "segfault", "exit"))
    ways = {n: {"how": how} for n, how in zip(chosen, hows, strict=False)}
    started = child_s()
    done = ingested(tmp_path, deadly, ways, 10_000)
    assert child_s() - started < 120
    told(done, code)
    if code == 0:
        quarantine = sorted((tmp_path / "work/quarantine/deadly").iterdir())
        lines = b"".join(path.read_bytes() for path in quarantine).splitlines()
        lost = [orjson.loads(line)["origin"]["record"] for line in lines]
        assert lost == [str(n) for n in chosen]


@pytest.mark.slow
def test_threat_21_a_row_that_ends_its_worker_when_opened_is_rejected_alone(
    tmp_path: Path, deadly: dict[str, str]
) -> None:
    env = {**deadly, "DEADLY_OPEN": "1"}
    done = ingested(tmp_path, env, {3: {"open": "kill"}, 4: {"open": "allocate"}})
    told(done, 0)
    counts = orjson.loads(done.stdout)
    assert (counts["written"], counts["reasons"]["quarantined"]) == (28, {"worker_died": 2})


@pytest.mark.slow
def test_threat_21_a_source_whose_every_record_is_deadly_ends_with_3(
    tmp_path: Path, deadly: dict[str, str]
) -> None:
    done = ingested(tmp_path, deadly, {n: {"how": "exit"} for n in range(30)})
    message = told(done, 3)
    assert "died" in message
