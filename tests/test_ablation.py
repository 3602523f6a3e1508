"""Ablations: arms that differ as they say, every seed trained once, one table and one plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from cauldron.ablation import Ablation, ablate, arm_recipe, load_ablation
from cauldron.errors import RecipeError, UsageError
from cauldron.packaged import packaged

SHIPPED = sorted(path.stem for path in (packaged("recipes") / "ablations").glob("*.yaml"))


def small() -> dict[str, Any]:
    """Return the shipped comparison of splitting at a size that trains in a moment."""
    values: dict[str, Any] = yaml.safe_load(
        (packaged("recipes") / "ablations" / "splitting.yaml").read_text()
    )
    for drawn in values["draw"].values():
        drawn["pictures"] = 40
    values["recipe"]["train"] |= {"steps": 3, "batch": 8, "threads": 1, "warmup_steps": 1}
    values["recipe"]["mix"] = {"by": "samples", "samples": 60, "validation": {"share": 0.2}}
    values["seeds"] = [0, 1]
    return values


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_ablation_can_be_read_and_its_arms_fit(name: str) -> None:
    found, _ = load_ablation(name)
    recipes = [arm_recipe(found, arm, seed) for arm in found.arms for seed in found.seeds]
    assert all(recipe.train and recipe.train.seed is not None for recipe in recipes)
    shown = {orjson.dumps(recipe.model_dump(mode="json")) for recipe in recipes}
    assert len(shown) == len(recipes)


def test_arms_are_trained_with_every_seed_and_compared(tmp_path: Path) -> None:
    chosen, arms = Ablation.model_validate(small()), ["whole", "split"]
    done = ablate(chosen, "splitting.yaml", str(tmp_path), arms=arms, workers=1)
    rows = {row["arm"]: row for row in done["rows"]}
    assert set(rows) == {"whole", "split"}
    assert all(row["seeds"] == [0, 1] and row["deviation"] is not None for row in rows.values())
    assert all(len(each) == 2 for row in rows.values() for each in row["scores"].values())
    assert rows["whole"]["parameters"] == rows["split"]["parameters"]
    logs = {
        arm: (tmp_path / f"arms/{arm}-0/train/log.jsonl").read_text().splitlines() for arm in rows
    }
    counts = {
        arm: [sum(orjson.loads(line)[name] for line in lines) for name in ("samples", "images")]
        for arm, lines in logs.items()
    }
    assert counts["whole"][0] == counts["whole"][1]
    more, rest = divmod(counts["split"][1] - counts["split"][0], 4)
    assert 0 < more < counts["split"][0] and not rest  # of one source alone
    assert (tmp_path / "results.svg").read_bytes().startswith(b"<svg")
    before = (tmp_path / "arms/split-1/train/log.jsonl").stat().st_mtime_ns
    again = ablate(chosen, "splitting.yaml", str(tmp_path), arms=["split"], workers=1)
    assert (tmp_path / "arms/split-1/train/log.jsonl").stat().st_mtime_ns == before
    assert again["rows"] == [rows["split"]]


def test_an_unknown_arm_or_ablation_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'split'"):
        ablate(Ablation.model_validate(small()), "x.yaml", str(tmp_path), arms=["splt"])
    with pytest.raises(RecipeError, match="no ablation 'latent'"):
        load_ablation("latent")


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    chosen, arms = Ablation.model_validate(small()), ["whole", "split"]
    found = [
        ablate(chosen, "splitting.yaml", str(tmp_path / str(workers)), arms=arms, workers=workers)
        for workers in (1, 2)
    ]
    for row in (row for done in found for row in done["rows"]):
        row["seconds"] = None
    assert found[0]["rows"] == found[1]["rows"]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_tiny_model_learns_to_read_far_above_blind(tmp_path: Path) -> None:
    chosen, path = load_ablation("reading")
    (row,) = ablate(chosen, path, str(tmp_path))["rows"]
    assert min(row["scores"]["trained"]) > 0.8
    assert max(row["scores"]["blind"]) < 0.1 and max(row["scores"]["untrained"]) < 0.1


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_small_text_is_read_in_quarters_and_not_in_the_whole(tmp_path: Path) -> None:
    chosen, path = load_ablation("splitting")
    done = ablate(chosen, path, str(tmp_path), arms=["whole", "split"])
    scores = {row["arm"]: row["scores"] for row in done["rows"]}
    assert min(scores["split"]["trained"]) > max(scores["whole"]["trained"]) + 0.3
    assert max(scores["split"]["blind"]) < 0.1
