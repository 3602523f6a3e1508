"""The harness: results with two floors, nothing done twice, and a model that really learns."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron import harness
from cauldron.errors import RecipeError, StorageError, UsageError
from cauldron.recipe import Recipe
from cauldron.report.facts import results
from tests.mixtures import mixture
from tests.train.conftest import SMALL

TASKS = {
    "counting": {"source": "vqarad", "max_new_tokens": 6},
    "colours": {"source": "docvqa", "limit": 4, "max_new_tokens": 6},
}


def recipe(train: dict[str, Any] | None = None, tasks: dict[str, Any] | None = None) -> Recipe:
    """Return a recipe; its ingest is not run here."""
    values = {
        "schema_version": 1,
        "name": "small",
        "ingest": [{"source": "vqarad", "raw": ["raw"]}],
        "train": SMALL if train is None else train,
        "evaluate": {"tasks": TASKS if tasks is None else tasks},
    }
    return Recipe.model_validate(values)


def run(manifest: Path, chosen: Recipe) -> dict[str, Any]:
    """Train and evaluate in the manifest's work folder."""
    said: list[str] = []
    return harness.train_and_evaluate(chosen, str(manifest), str(work_of(manifest)), said.append)


def work_of(manifest: Path) -> Path:
    """Return the work folder of a manifest."""
    return manifest.parents[2]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture in a work folder with a finished training."""
    path = mixture(tmp_path_factory.mktemp("work"), counting=60, colours=30)
    run(path, recipe())
    return path


def test_results_hold_the_trained_the_untrained_and_the_blind_row(manifest: Path) -> None:
    stored = orjson.loads((work_of(manifest) / "train/results.json").read_bytes())
    assert set(stored) == {"counting", "colours"}
    for row in stored.values():
        assert all(0 <= row[key] <= 1 for key in ("trained", "untrained", "blind"))
    assert stored["counting"]["metric"] == "exact_match" and stored["counting"]["n"] > 4


def test_the_report_reads_the_results(manifest: Path) -> None:
    rows = results(str(work_of(manifest)))
    assert [row["task"] for row in rows] == ["colours", "counting"]


def test_each_question_is_kept_with_its_predictions(manifest: Path) -> None:
    lines = (work_of(manifest) / "train/predictions/colours.jsonl").read_bytes().splitlines()
    records = [orjson.loads(line) for line in lines]
    assert len(records) == 8
    assert set(records[0]["predictions"]) == {"trained", "untrained", "blind"}


def test_a_second_run_does_nothing(manifest: Path) -> None:
    before = (work_of(manifest) / "train/log.jsonl").stat().st_mtime_ns
    done = run(manifest, recipe())
    assert done["train"]["resumed"] and done["evaluate"]["resumed"]
    assert (work_of(manifest) / "train/log.jsonl").stat().st_mtime_ns == before


def test_other_tasks_are_evaluated_without_training_again(tmp_path: Path) -> None:
    path = mixture(tmp_path, counting=30, colours=30)
    run(path, recipe())
    done = run(path, recipe(tasks={"counting": {"source": "vqarad", "limit": 2}}))
    assert done["train"]["resumed"] and not done["evaluate"]["resumed"]
    assert set(done["evaluate"]["tasks"]) == {"counting"}
    again = run(path, recipe(train={**SMALL, "steps": 3}))
    assert not again["train"]["resumed"] and again["train"]["steps"] == 3


def test_a_checkpoint_is_evaluated_by_task_name_and_by_source(manifest: Path) -> None:
    checkpoint = str(work_of(manifest) / "train" / "checkpoint")
    stored = orjson.loads((work_of(manifest) / "train/results.json").read_bytes())
    found = harness.evaluate(checkpoint, ["counting", "docvqa:exact_match"])
    assert found["counting"] == stored["counting"]
    assert found["docvqa:exact_match"]["n"] >= 4


def test_a_work_folder_stands_for_its_checkpoint(manifest: Path) -> None:
    found = harness.evaluate(str(work_of(manifest)), [])
    assert set(found) == {"counting", "colours"}


def test_an_unknown_metric_is_a_usage_error(manifest: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'exact_match'"):
        harness.evaluate(str(work_of(manifest)), ["vqarad:exact_mach"])


def test_a_place_without_a_model_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a trained model"):
        harness.evaluate(str(tmp_path), ["vqarad"])


def test_a_recipe_without_training_is_a_recipe_error(manifest: Path) -> None:
    bare = recipe().model_copy(update={"train": None})
    with pytest.raises(RecipeError, match="has no part 'train'"):
        run(manifest, bare)


def test_without_torch_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    code = "from cauldron import harness; harness.require_torch()"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{Path(harness.__file__).parents[1]}"},
        capture_output=True,
        text=True,
    )
    assert "pip install 'cauldron[train]'" in found.stderr


def test_the_harness_and_the_recipe_import_no_torch() -> None:
    code = "import sys, cauldron.harness; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_a_small_model_learns_to_count_what_it_sees(tmp_path: Path) -> None:
    weights = {"vqarad": 0.9, "docvqa": 0.1}
    path = mixture(tmp_path, counting=1500, colours=90, weights=weights, share=0.15)
    train = {"steps": 250, "warmup_steps": 50, "row_tokens": 128, "threads": 1}
    tasks = {"counting": {"source": "vqarad"}}
    started = time.perf_counter()
    done = run(path, recipe(train=train, tasks=tasks))
    scores = done["evaluate"]["tasks"]["counting"]
    assert scores["n"] >= 150
    assert scores["trained"] > 0.85
    assert scores["blind"] < 0.35
    assert scores["untrained"] < 0.05
    assert set(done["train"]["loss_by_source"]) == {"vqarad", "docvqa"}
    assert time.perf_counter() - started < 240
