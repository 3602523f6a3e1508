"""One small set of raw trees, and the work folder that curation makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cauldron import curation, steps
from cauldron.curate.decontaminate import DecontaminateSettings
from cauldron.curate.dedup import DedupSettings
from cauldron.curate.rules import find_rules
from cauldron.demo.raw import MARKER, write_raw
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.sources.catalogue import source_names
from cauldron.storage import files

RECORDS, COUNTING = 12, 60
BENCHMARKS = {"vqarad": "test", "textvqa": "val", "chartqa": "test", "ai2d": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Raw trees: their folder, the roots of each source and the planted traps."""

    folder: Path
    roots: dict[str, list[str]]
    planted: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """A work folder after all decisions, and the ledger entries of its ingests."""

    place: str
    ingests: list[dict[str, Any]]


def planted_trees(folder: Path, seed: int, records: int, counting: int) -> Trees:
    """Write raw trees of every source that can be drawn."""
    roots = write_raw(folder, seed, records=records, counting=counting)
    planted = files.read_json(str(folder / MARKER))["planted"]
    return Trees(folder=folder, roots=roots, planted=planted)


def curate(trees: Trees, base: Path) -> Curated:
    """Ingest, measure, filter, deduplicate and decontaminate all trees that can be read."""
    place, ingests, folders = str(base / "work"), [], {}
    with LocalEngine(0) as engine:
        for source in sorted(set(trees.roots) & set(source_names())):
            ingests.append(steps.ingest(engine, place, source, trees.roots[source]))
            if split := BENCHMARKS.get(source):
                folders[source] = str(base / source)
                steps.ingest(engine, folders[source], source, trees.roots[source], split=split)
        curation.measure(engine, place)
        filter_samples(engine, place, find_rules("default"))
        curation.dedup_samples(place, DedupSettings())
        settings = DecontaminateSettings(image_only="drop")
        curation.decontaminate_samples(engine, place, folders, settings)
    return Curated(place=place, ingests=ingests)


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Trees:
    """Small raw trees."""
    return planted_trees(tmp_path_factory.mktemp("demo") / "raw", 0, RECORDS, COUNTING)


@pytest.fixture(scope="session")
def curated(trees: Trees, tmp_path_factory: pytest.TempPathFactory) -> Curated:
    """The small trees after all decisions."""
    return curate(trees, tmp_path_factory.mktemp("curated"))
