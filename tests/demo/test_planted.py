"""What is planted in the raw trees is found: by ingest, rules, duplicates and benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauldron import steps
from cauldron.demo.findings import NOT_PLANTED, findings
from cauldron.demo.raw import COUNTING, RECORDS, generators
from cauldron.engine.local import LocalEngine
from cauldron.sources.catalogue import source_names
from cauldron.stats import work_stats

from .conftest import Curated, Trees, curate, planted_trees


@pytest.mark.parametrize("source", sorted(generators()))
def test_the_adapter_reads_the_tree_and_counts_every_record(source: str, curated: Curated) -> None:
    if source not in source_names():
        pytest.skip(f"no adapter of {source} here")
    counts = next(e["counts"] for e in curated.ingests if e["source"] == source)
    assert counts["written"] >= 4
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]


@pytest.mark.parametrize("source", sorted(generators()))
def test_rejects_are_those_that_were_planted(source: str, curated: Curated, trees: Trees) -> None:
    if source not in source_names():
        pytest.skip(f"no adapter of {source} here")
    counts = next(e["counts"] for e in curated.ingests if e["source"] == source)
    planted = [p for p in trees.planted if p["source"] == source and p["step"] == "quarantined"]
    assert counts["quarantined"] == sum(len(p["names"]) for p in planted)


def test_every_trap_is_found_and_nothing_else_is_dropped(curated: Curated, trees: Trees) -> None:
    rows = findings(curated.place, trees.planted, curated.ingests)
    assert len(rows) > 30
    assert [row for row in rows if row["planted"] != row["found"]] == []
    assert NOT_PLANTED not in {row["trap"] for row in rows}


@pytest.mark.parametrize("step", ["quarantined", "skipped", "notes", "filter", "dedup"])
def test_each_step_has_something_to_find(step: str, curated: Curated, trees: Trees) -> None:
    rows = findings(curated.place, trees.planted, curated.ingests)
    assert sum(row["found"] for row in rows if row["step"] == step) > 0


def test_benchmark_leaks_are_found_in_four_sources(curated: Curated, trees: Trees) -> None:
    rows = findings(curated.place, trees.planted, curated.ingests)
    leaked = {row["source"] for row in rows if row["step"] == "decontaminate" and row["found"]}
    assert leaked == {"vqarad", "textvqa", "chartqa", "ai2d"}


def test_a_drop_that_was_not_planted_is_told(curated: Curated, trees: Trees) -> None:
    forgotten = [p for p in trees.planted if p["trap"] != "blank picture"]
    rows = findings(curated.place, forgotten, curated.ingests)
    told = [row for row in rows if row["trap"] == NOT_PLANTED]
    assert [(row["source"], row["reason"], row["found"]) for row in told] == [
        ("ai2d", "image_blank", 1)
    ]


def test_both_sums_hold_for_every_source(curated: Curated) -> None:
    assert work_stats(curated.place)["problems"] == []


def test_other_splits_can_be_read_too(trees: Trees, tmp_path: Path) -> None:
    splits = {"vsr": "dev", "chartqa": "val", "tabmwp": "test", "tat_qa": "test", "raven": "val"}
    with LocalEngine(0) as engine:
        for source, split in splits.items():
            place = f"{tmp_path}/{source}"
            entry = steps.ingest(engine, place, source, trees.roots[source], split=split)
            assert entry["counts"]["written"] > 0, source


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_at_full_size_all_traps_are_found_and_nothing_else_is_dropped(
    seed: int, tmp_path: Path
) -> None:
    trees = planted_trees(tmp_path / "raw", seed, RECORDS, COUNTING)
    curated = curate(trees, tmp_path)
    rows = findings(curated.place, trees.planted, curated.ingests)
    assert [row for row in rows if row["planted"] != row["found"]] == []
