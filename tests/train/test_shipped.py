"""The shipped trainings: what the paper says of its stages stands in them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cauldron.errors import RecipeError
from cauldron.packaged import packaged
from cauldron.recipe import load_recipe
from cauldron.train.settings import TrainSettings

STAGES = ("idefics2-pretrain-1", "idefics2-pretrain-2", "idefics2-sft", "idefics2-chat")


@pytest.mark.parametrize("name", STAGES)
def test_a_shipped_training_fits_the_recipe_of_its_stage(name: str) -> None:
    told = load_recipe(str(packaged("recipes") / f"{name}.yaml")).with_training(name)
    assert told.train is not None
    (stage,) = told.train.all_stages
    mode = "lora" if "pretrain" in name else "dora"
    parts = stage.train
    assert (parts.vision.mode, parts.language.mode, parts.connector.mode) == (mode, mode, "full")
    assert stage.images.max_side == (384 if name == "idefics2-pretrain-1" else 980)
    assert (stage.neftune > 0) == ("pretrain" not in name)


def test_a_key_beside_the_base_changes_it() -> None:
    found = TrainSettings.model_validate(
        {"base": "idefics2-pretrain-1", "rows": 8, "model": "idefics2-1b"}
    )
    assert (found.rows, found.learning_rate, found.model.latents) == (8, 1e-4, 64)
    assert isinstance(found.model.text, dict) and found.model.text["hidden_size"] == 2048


def test_an_unknown_training_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match="did you mean 'idefics2-sft'"):
        TrainSettings.model_validate("idefics2-stf")
    with pytest.raises(RecipeError, match="no train 'nothing'"):
        load_recipe(str(packaged("recipes") / "demo.yaml")).with_training("nothing")
