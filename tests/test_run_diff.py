"""Two runs compared, a plan with exact counts, and why a sample is where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cauldron import curation
from cauldron.curate.dedup import DedupSettings
from cauldron.curate.rules import Rules
from cauldron.engine.local import LocalEngine
from cauldron.errors import StorageError
from cauldron.filtering import filter_samples
from cauldron.forecasting import forecast_filter, forecast_measure
from cauldron.lineage import explain
from cauldron.measuring import MeasureSettings
from cauldron.run_diff import run_differences
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage import work
from cauldron.storage.shards import write_shard
from tests.signals.test_measure import sample

ANSWERS = ["a", "bb", "ccc", "dddd", "dddd"]


def rules(least: int) -> Rules:
    rule = {"name": "short", "signal": "answer_chars", "min": least}
    return Rules.model_validate({"rules": [rule]})


@pytest.fixture
def place(tmp_path: Path) -> str:
    return written(str(tmp_path / "a"))


def written(place: str) -> str:
    rows = [sample("q", answer, n=n) for n, answer in enumerate(ANSWERS)]
    table = pa.Table.from_pylist(rows, SAMPLE_SCHEMA)
    write_shard(work.samples(place, "x", "part-00000"), [table], SAMPLE_SCHEMA)
    return place


def decided(place: str, least: int) -> dict[str, Any]:
    with LocalEngine(0) as engine:
        curation.measure(engine, place)
        return filter_samples(engine, place, rules(least))


def test_a_plan_tells_what_is_cached_and_counts_drops_exactly(place: str) -> None:
    settings = MeasureSettings()
    before = forecast_measure(place, ["x", "absent"], settings)
    assert (before["parts"], before["cached"], before["rows_to_measure"]) == (1, 0, 5)
    assert forecast_filter(place, ["x"], rules(3)) == {"sources": {}, "unknown": ["x"]}
    told = decided(place, 2)["sources"]["x"]
    after = forecast_measure(place, ["x"], settings)
    assert (after["cached"], after["groups_to_measure"]) == (1, {})
    assert told["dropped"] == {"short": 1}
    assert forecast_filter(place, ["x"], rules(3))["sources"]["x"]["dropped"] == {"short": 2}


def test_runs_that_differ_in_a_threshold_differ_in_those_samples(
    place: str, tmp_path: Path
) -> None:
    other = written(str(tmp_path / "b"))
    decided(place, 1), decided(other, 1)
    assert run_differences(place, other) == {"same": True, "sources": {}}
    decided(other, 3)
    found = run_differences(place, other)["sources"]["x"]
    assert found["samples"] == [5, 5] and found["kept"] == [5, 3]
    assert found["changes"] == [
        {
            "change": "kept -> filter: short",
            "samples": 2,
            "examples": ["x/train/0", "x/train/1"],
        }
    ]


def test_a_step_says_which_signals_it_lacks(place: str) -> None:
    with LocalEngine(0) as engine:
        curation.measure(engine, place, settings=MeasureSettings(signals=("text",)))
    with pytest.raises(StorageError, match="lacks the signals: hashes, sketch, pixels"):
        curation.dedup_samples(place, DedupSettings())


def test_why_tells_the_cluster_of_a_duplicate_from_both_sides(place: str) -> None:
    decided(place, 1)
    curation.dedup_samples(place, DedupSettings(text="off", images="off"))
    for number in (3, 4):
        told = explain(place, f"x/train/{number}")["duplicates"]
        assert told["kept"] == "x/train/3"
        assert [member["id"] for member in told["members"]] == ["x/train/4"]
