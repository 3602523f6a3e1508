"""The drawn trees of photograph, scene text and handwriting sets: every trap is found, no other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cauldron import curation, steps
from cauldron.curate.dedup import DedupSettings
from cauldron.curate.rules import find_rules
from cauldron.demo.findings import findings
from cauldron.demo.raw import MARKER, write_raw
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.storage import files

SOURCES = (
    "vqav2",
    "okvqa",
    "cocoqa",
    "aokvqa",
    "visual7w",
    "tallyqa",
    "st_vqa",
    "textcaps",
    "hateful_memes",
    "ocrvqa",
    "iam",
)
OTHER_SPLITS = {
    "vqav2": "val",
    "okvqa": "val",
    "cocoqa": "test",
    "aokvqa": "validation",
    "visual7w": "test",
    "tallyqa": "test",
    "textcaps": "dev",
    "hateful_memes": "dev",
    "ocrvqa": "test",
}
each_source = pytest.mark.parametrize("source", SOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Raw roots, planted traps, counts of each ingest, and what was found of the traps."""

    roots: dict[str, list[str]]
    planted: list[dict[str, Any]]
    counts: dict[str, dict[str, Any]]
    found: list[dict[str, Any]]


def drawn(base: Path, seed: int, records: int) -> Drawn:
    """Draw all sources, ingest, measure, filter and deduplicate them."""
    roots = write_raw(base / "raw", seed, SOURCES, records=records)
    planted = files.read_json(str(base / "raw" / MARKER))["planted"]
    place = str(base / "work")
    with LocalEngine(0) as engine:
        ingests = [steps.ingest(engine, place, source, roots[source]) for source in SOURCES]
        curation.measure(engine, place)
        filter_samples(engine, place, find_rules("default"))
    curation.dedup_samples(place, DedupSettings())
    return Drawn(
        roots=roots,
        planted=planted,
        counts={entry["source"]: entry["counts"] for entry in ingests},
        found=findings(place, planted, ingests),
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return drawn(tmp_path_factory.mktemp("drawn"), 0, 9)


@each_source
def test_a_drawn_tree_is_read_and_every_record_counted(source: str, small: Drawn) -> None:
    counts = small.counts[source]
    assert counts["written"] >= 8
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]


@each_source
def test_a_drawn_tree_is_rejected_only_where_planted(source: str, small: Drawn) -> None:
    planted = [p for p in small.planted if (p["source"], p["step"]) == (source, "quarantined")]
    assert small.counts[source]["quarantined"] == sum(len(p["names"]) for p in planted) > 0


def test_every_trap_is_found_and_nothing_else_is_dropped(small: Drawn) -> None:
    assert len(small.found) > 50
    assert [row for row in small.found if row["planted"] != row["found"]] == []


def test_the_same_seed_gives_the_same_trees(small: Drawn, tmp_path: Path) -> None:
    again = write_raw(tmp_path / "raw", 0, SOURCES, records=9)
    first = Path(small.roots["vqav2"][0]).parent
    paths = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert len(paths) > 150
    assert all((first / p).read_bytes() == (tmp_path / "raw" / p).read_bytes() for p in paths)
    assert again.keys() == small.roots.keys()


@pytest.mark.parametrize(("source", "split"), OTHER_SPLITS.items())
def test_other_splits_of_a_drawn_tree_are_read(
    source: str, split: str, small: Drawn, tmp_path: Path
) -> None:
    with LocalEngine(0) as engine:
        entry = steps.ingest(engine, str(tmp_path), source, small.roots[source], split=split)
    assert entry["counts"]["written"] > 0 == entry["counts"]["quarantined"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_at_full_size_every_trap_is_found(seed: int, tmp_path: Path) -> None:
    rows = drawn(tmp_path, seed, 40).found
    assert [row for row in rows if row["planted"] != row["found"]] == []
