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
    values["draw"]["pictures"] = 80
    values["recipe"]["train"] |= {"steps": 3, "batch": 4, "threads": 1, "warmup_steps": 1}
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
    chosen = Ablation.model_validate(small())
    done = ablate(chosen, "splitting.yaml", str(tmp_path))
    rows = {row["arm"]: row for row in done["rows"]}
    assert set(rows) == {"whole", "split"}
    assert all(row["seeds"] == 2 and row["deviation"] is not None for row in rows.values())
    assert rows["whole"]["parameters"] == rows["split"]["parameters"]
    logs = {
        arm: orjson.loads((tmp_path / f"arms/{arm}-0/train/log.jsonl").read_bytes().split(b"\n")[0])
        for arm in rows
    }
    assert logs["whole"]["images"] == logs["whole"]["samples"]
    assert logs["split"]["images"] == 5 * logs["split"]["samples"]
    assert (tmp_path / "results.svg").read_bytes().startswith(b"<svg")
    before = (tmp_path / "arms/split-1/train/log.jsonl").stat().st_mtime_ns
    ablate(chosen, "splitting.yaml", str(tmp_path), arms=["split"])
    assert (tmp_path / "arms/split-1/train/log.jsonl").stat().st_mtime_ns == before


def test_an_unknown_arm_or_ablation_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'split'"):
        ablate(Ablation.model_validate(small()), "x.yaml", str(tmp_path), arms=["splt"])
    with pytest.raises(RecipeError, match="no ablation 'latent'"):
        load_ablation("latent")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_tiny_model_learns_to_read_far_above_blind(tmp_path: Path) -> None:
    chosen, path = load_ablation("reading")
    (row,) = ablate(chosen, path, str(tmp_path), seeds=[0])["rows"]
    assert row["trained"] > 0.3
    assert row["blind"] < 0.05 and row["untrained"] < 0.05
