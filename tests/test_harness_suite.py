"""Benchmarks during training: on their cadence, no trace in the weights, by any processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.torch import load_file

from cauldron import harness
from cauldron.demo.benchmarks import draw_benchmark
from cauldron.errors import CauldronError, Stopped, UsageError
from cauldron.recipe import Recipe, load_recipe
from tests.mixtures import mixture
from tests.train.conftest import SMALL

TASKS = ("vqav2", "textvqa")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two benchmarks in their official layout."""
    place = tmp_path_factory.mktemp("benchmarks")
    for name in TASKS:
        draw_benchmark(name, place / name, many=5)
    return place


def recipe_in(
    place: Path, data: Path, during: dict[str, Any] | None = None, **train: Any
) -> Recipe:
    """Write a recipe of a short training beside its benchmarks and read it."""
    (place / "benchmarks").exists() or (place / "benchmarks").symlink_to(data)
    asked = {"every_steps": 2, "data": "benchmarks", "tasks": list(TASKS), "shots": 1, "limit": 3}
    told = {
        "schema_version": 1,
        "name": "small",
        "ingest": [{"source": "vqarad", "raw": ["raw"]}],
        "train": {**SMALL, **train},
        "evaluate": {"during": {**asked, **(during or {})}},
    }
    (place / "recipe.yaml").write_text(yaml.safe_dump(told))
    return load_recipe(str(place / "recipe.yaml"))


def trained(place: Path, recipe: Recipe, said: list[str] | None = None) -> Path:
    """Train in a work folder and return its folder of the training."""
    manifest = place / "work/mixture/small/manifest.json"
    if not manifest.exists():
        mixture(place, counting=30, colours=10)
    say = said.append if said is not None else lambda text: None
    harness.train_and_evaluate(recipe, str(manifest), str(place / "work"), say, str(place))
    return place / "work/train"


def scores(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of suite.jsonl."""
    return [orjson.loads(line) for line in (folder / "suite.jsonl").read_bytes().splitlines()]


def test_a_suite_is_run_on_its_cadence_and_changes_no_weight(data: Path, tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    said: list[str] = []
    found = trained(tmp_path / "with", recipe_in(tmp_path / "with", data), said)
    lines = scores(found)
    assert [(line["stage"], line["step"]) for line in lines] == [("train", n) for n in (2, 4, 6)]
    assert all(set(line["scores"]) == {*TASKS, "average"} for line in lines)
    assert any("step 4, vqav2 0." in text for text in said)
    table = found / "suite/train-step-00000004/textvqa/ablation/results.parquet"
    assert pq.read_table(table).num_rows == 3

    alone = recipe_in(tmp_path / "without", data, during={"every_steps": 100})
    other = trained(tmp_path / "without", alone)
    assert not (other / "suite.jsonl").exists()
    name = "checkpoint/model.safetensors"
    assert (found / name).read_bytes() == (other / name).read_bytes()


def test_a_training_that_goes_on_writes_each_line_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = trained(tmp_path / "whole", recipe_in(tmp_path / "whole", data, checkpoint_every=3))

    from cauldron.train.loop import Trainer

    after = Trainer._after

    def stopped(self: Trainer, batch: Any) -> None:
        after(self, batch)
        if self.step == 5:
            raise Stopped("killed")

    broken = recipe_in(tmp_path / "broken", data, checkpoint_every=3)
    monkeypatch.setattr(Trainer, "_after", stopped)
    with pytest.raises(Stopped):
        trained(tmp_path / "broken", broken)
    monkeypatch.setattr(Trainer, "_after", after)
    found = trained(tmp_path / "broken", broken)
    assert scores(found) == scores(whole)


@pytest.mark.parametrize(
    ("during", "told"),
    [
        ({"tasks": ["textvq"]}, "unknown benchmark 'textvq'; did you mean 'textvqa'"),
        ({"protocol": "papr"}, "no protocol 'papr'"),
        ({"data": "nowhere"}, "no such folder"),
    ],
)
def test_a_suite_that_cannot_be_asked_is_told_before_training(
    data: Path, tmp_path: Path, during: dict[str, Any], told: str
) -> None:
    with pytest.raises(CauldronError, match=told):
        trained(tmp_path, recipe_in(tmp_path, data, during=during))
    assert not (tmp_path / "work/train/log.jsonl").exists()


def test_an_evaluation_that_asks_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="name at least one task"):
        Recipe.model_validate({"schema_version": 1, "name": "a", "evaluate": {}})


def test_tasks_are_asked_for_where_the_recipe_has_benchmarks_only(
    data: Path, tmp_path: Path
) -> None:
    found = trained(tmp_path, recipe_in(tmp_path, data, steps=2))
    with pytest.raises(UsageError, match="no task named"):
        harness.evaluate(str(found / "checkpoint"), [])


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_share_the_questions(data: Path, tmp_path: Path, parallel: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    train = {"rows": 4, "micro_rows": 1, "steps": 2, "parallel": parallel}
    one = trained(tmp_path / "one", recipe_in(tmp_path / "one", data, **train))
    recipe_in(tmp_path / "two", data, **train)
    mixture(tmp_path / "two", counting=30, colours=10)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-Wignore", "-m", "cauldron", "train", "recipe.yaml", "-o", "work"],
            cwd=tmp_path / "two",
            env=os.environ | {
                "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            },
        )
        for rank in range(2)
    ]  # fmt: skip
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    two = tmp_path / "two/work/train"
    assert [(s["step"], set(s["scores"])) for s in scores(two)] == [(2, {*TASKS, "average"})]
    for task in TASKS:
        tables = [
            pq.read_table(place / f"suite/train-step-00000002/{task}/ablation/results.parquet")
            for place in (one, two)
        ]
        assert tables[0]["id"] == tables[1]["id"]
        assert tables[0]["answer"] == tables[1]["answer"]
    weights = [load_file(p / "checkpoint/model.safetensors") for p in (one, two)]
    assert all((weights[0][name] - weights[1][name]).abs().max() < 1e-5 for name in weights[0])
