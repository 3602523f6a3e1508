"""Threat 23: the bytes of a run depend on neither its surroundings nor on how it was spread."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import orjson
import pytest

from tests.trees import recipe
from tests.trust.commands import cauldron, told
from tests.trust.faults.stages import hashes

SURROUNDINGS = [
    ("4", {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8"}),
    ("1", {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "C"}),
    ("2", {"PYTHONHASHSEED": "3", "TZ": "UTC", "LC_ALL": "C.UTF-8", "POLARS_MAX_THREADS": "1"}),
]


def shuffled(folder: Path, seed: int) -> None:
    """Make all raw files anew in another order, with other times, so that listings differ."""
    raw, old = folder / "raw", folder / "old"
    raw.rename(old)
    found = sorted(path for path in old.rglob("*") if path.is_file())
    random.Random(seed).shuffle(found)
    for path in found:
        target = raw / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        os.utime(target, (1_600_000_000 + seed, 1_600_000_000 + seed))
    shutil.rmtree(old)


def outputs(work: Path) -> dict[str, str]:
    """Return the hashes of what a run makes; the ledger tells the times of raw files by a key."""
    return {name: h for name, h in hashes(work).items() if not name.startswith("ledger/")}


@pytest.mark.slow
def test_threat_23_the_manifest_has_the_same_bytes_everywhere(tmp_path: Path) -> None:
    path, work = recipe(tmp_path), tmp_path / "work"
    told(cauldron("run", path, "-o", work, "--workers", "1", env={"PYTHONHASHSEED": "0"}), 0)
    expected = outputs(work)
    assert "mixture/small/manifest.json" in expected
    for seed, (workers, env) in enumerate(SURROUNDINGS):
        shutil.rmtree(work)
        shuffled(tmp_path, seed)
        told(cauldron("run", path, "-o", work, "--workers", workers, env=env), 0)
        assert outputs(work) == expected, env
    manifest = orjson.loads((work / "mixture/small/manifest.json").read_bytes())
    assert not {"time", "date", "host", "created"} & manifest.keys()
