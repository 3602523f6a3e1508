"""Trees that are drawn when their source is named: readable, the same again, every trap told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cauldron import steps
from cauldron.demo.findings import findings
from cauldron.demo.raw import MARKER, further_generators, generators, write_raw
from cauldron.engine.local import LocalEngine
from cauldron.sources.catalogue import source_named, source_names
from cauldron.storage import files

RECORDS = 12
NAMES = sorted(further_generators())


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Traps and ledger entry of a source, drawn and ingested once for all tests."""
    kept: dict[str, tuple[Path, list[dict[str, Any]], dict[str, Any]]] = {}

    def of(source: str) -> tuple[Path, list[dict[str, Any]], dict[str, Any]]:
        if source not in kept:
            base = tmp_path_factory.mktemp(source.replace("/", "-"))
            roots = write_raw(base / "raw", sources=[source], records=RECORDS)[source]
            with LocalEngine(0) as engine:
                name = source.partition("/")[0]
                entry = steps.ingest(engine, str(base / "work"), name, roots, max_reject_share=0.8)
            planted = files.read_json(str(base / "raw" / MARKER))["planted"]
            kept[source] = base, planted, entry
        return kept[source]

    return of


def test_no_source_is_drawn_twice() -> None:
    assert not set(NAMES) & set(generators())
    assert {name.partition("/")[0] for name in NAMES} <= set(source_names())


@pytest.mark.parametrize("source", NAMES)
def test_the_official_layout_is_read_and_every_record_counted(source: str, done: Any) -> None:
    entry = done(source)[2]
    counts = entry["counts"]
    name, _, form = source.partition("/")
    forms = [one.name for one in source_named(name).forms]
    assert entry["settings"]["form"] == (form if form in forms else forms[0])
    assert counts["written"] >= 6
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]


@pytest.mark.parametrize("source", NAMES)
def test_every_trap_is_told_and_no_other_record_is_rejected(source: str, done: Any) -> None:
    base, planted, entry = done(source)
    traps = [trap for trap in planted if trap["step"] in ("quarantined", "skipped", "notes")]
    rows = findings(str(base / "work"), traps, [entry])
    assert [row for row in rows if row["planted"] != row["found"]] == []
    rejects: Counter[str] = Counter()
    for trap in traps:
        rejects[trap["step"]] += len(trap["names"])
    assert entry["counts"]["quarantined"] == rejects["quarantined"]


@pytest.mark.parametrize("source", NAMES[::5])
def test_the_same_seed_gives_the_same_samples(source: str, done: Any, tmp_path: Path) -> None:
    roots = write_raw(tmp_path / "raw", sources=[source], records=RECORDS)[source]
    with LocalEngine(0) as engine:
        name = source.partition("/")[0]
        again = steps.ingest(engine, str(tmp_path / "work"), name, roots, max_reject_share=0.8)
    assert again["parts"] == done(source)[2]["parts"]
