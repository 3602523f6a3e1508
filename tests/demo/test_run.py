"""The demo's recipe fits what is drawn, and the demo runs end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauldron.demo.raw import generators, write_raw
from cauldron.demo.run import demo
from cauldron.packaged import packaged
from cauldron.recipe import load_recipe, resolved
from cauldron.sources.catalogue import source_names

from .conftest import Trees

RECIPE = str(packaged("recipes") / "demo.yaml")


def test_the_recipe_reads_every_source_that_is_drawn() -> None:
    assert {entry.source for entry in load_recipe(RECIPE).ingest} == set(generators())


def test_raw_paths_of_the_recipe_are_the_roots_of_the_trees(trees: Trees) -> None:
    recipe = load_recipe(RECIPE)
    against = recipe.decontaminate.against if recipe.decontaminate else ()
    for entry in (*recipe.ingest, *against):
        named = [resolved(root, str(trees.folder.parent)) for root in entry.raw]
        assert named == trees.roots[entry.source]


def test_most_draws_go_to_the_counting_task() -> None:
    weights = load_recipe(RECIPE).mix.weights or {}
    assert max(weights, key=lambda name: float(str(weights[name]))) == "vqarad"


def test_the_evaluation_asks_for_the_counting_task() -> None:
    recipe = load_recipe(RECIPE)
    assert recipe.evaluate is not None
    assert recipe.evaluate.tasks["counting"].source == "vqarad"
    assert "vqarad" in recipe.mix.validation.sources


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_finds_all_traps_and_beats_the_blind_baseline(tmp_path: Path) -> None:
    missing = set(generators()) - set(source_names())
    if missing:
        pytest.skip(f"no adapter of {', '.join(sorted(missing))} here")
    pytest.importorskip("torch")
    told: list[str] = []
    done = demo(str(tmp_path / "work"), workers=1, say=told.append)
    assert [row for row in done["findings"] if row["planted"] != row["found"]] == []
    score = done["evaluate"]["tasks"]["counting"]
    assert score["trained"] > score["blind"] + 0.4
    assert Path(done["report"]).is_file()
    assert told
    again = demo(str(tmp_path / "work"), workers=1)
    assert all(entry["resumed"] for entry in again["ingest"])
    assert again["train"]["resumed"]
    assert again["findings"] == done["findings"]


def test_raw_trees_stay_small(trees: Trees, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", sources=["vqarad"], counting=300)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size < 2_000_000
