"""All hostile sample files in one run of one recipe: counted, quick, small, and no traceback."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest

from tests.trust.commands import cauldron, peak_of, told
from tests.trust.hostile import hostile_recipe, hostile_tree, made_tree, odd_tree


def test_bad_inputs_end_as_samples_or_counted_rejects(slices: Path, tmp_path: Path) -> None:
    hostile_tree(slices / "bad_inputs", tmp_path / "raw")
    recipe = hostile_recipe(tmp_path)
    started = time.monotonic()
    done, peak = peak_of(
        "run", recipe, "-o", tmp_path / "work", "--json", "--workers", "1", timeout_s=300
    )
    noise = told(done, 0)
    assert time.monotonic() - started < 300 and peak < 2 << 30
    assert len(noise.splitlines()) < 40, noise
    stats = orjson.loads(done.stdout)["stats"]
    assert stats["balanced"]
    read = {name: source["read"] for name, source in stats["sources"].items()}
    assert read["pictures"] == 45 and read["pdf"] == 32 and read["columns"] >= 2
    assert read["words"] == read["llava"] == 191 and read["objects"] >= 95
    assert told(cauldron("verify", tmp_path / "work"), 0) is not None


@pytest.mark.slow
def test_several_hundred_made_bad_inputs_end_as_samples_or_counted_rejects(tmp_path: Path) -> None:
    number = made_tree(tmp_path / "raw")
    recipe = hostile_recipe(tmp_path, ["pdf", "html"])
    started = time.monotonic()
    done, peak = peak_of(
        "run", recipe, "-o", tmp_path / "work", "--json", "--workers", "1", timeout_s=300
    )
    noise = told(done, 0)
    assert time.monotonic() - started < 300 and peak < 2 << 30
    assert len(noise.splitlines()) < 60 and number["files"] > 500, noise
    stats = orjson.loads(done.stdout)["stats"]
    assert stats["balanced"] and set(stats["sources"]) >= {"pictures", "pdf", "html", "words"}
    for name, source in stats["sources"].items():
        lost = sum(source["quarantined"].values()) + sum(source["skipped"].values())
        assert source["read"] == source["written"] + lost, name
    pictures = stats["sources"]["pictures"]
    assert pictures["read"] == number["pictures"] and pictures["written"] > 50
    assert {"image_truncated", "image_too_large"} <= set(pictures["quarantined"])
    told(cauldron("verify", tmp_path / "work"), 0)


@pytest.mark.slow
def test_files_that_tools_stumble_over_end_as_samples_or_counted_rejects(tmp_path: Path) -> None:
    number = odd_tree(tmp_path / "raw")
    recipe = hostile_recipe(tmp_path, ["html"])
    done, peak = peak_of(
        "run", recipe, "-o", tmp_path / "work", "--json", "--workers", "1", timeout_s=300
    )
    noise = told(done, 0)
    assert peak < 1 << 30 and len(noise.splitlines()) < 40, noise
    stats = orjson.loads(done.stdout)["stats"]
    assert stats["balanced"] and stats["sources"]["pictures"]["read"] == number > 140
    for name, source in stats["sources"].items():
        lost = sum(source["quarantined"].values()) + sum(source["skipped"].values())
        assert source["read"] == source["written"] + lost and source["written"], name
    told(cauldron("verify", tmp_path / "work"), 0)
