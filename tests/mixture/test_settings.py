"""What a recipe may ask of a mixture, and which stage may go without a budget."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cauldron.mixture.settings import MixSettings, StageSettings


def held(settings: dict[str, Any], path: str) -> Any:
    """Return a setting by its path, as it is read."""
    value: Any = MixSettings.model_validate(settings).model_dump()
    for name in path.split("."):
        value = value[int(name)] if name.isdigit() else value[name]
    return value


def asked(path: str, value: Any) -> dict[str, Any]:
    """Return settings that ask for one thing."""
    first, _, rest = path.partition(".")
    if first == "stages":
        return {"stages": [{"name": "one", rest.removeprefix("0."): value}]}
    return {first: asked(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("path", "taken", "refused"),
    [
        ("max_share", [1e-9, 0.5, 1], [0, -0.1, 1.01, 2]),
        ("temperature", [1e-3, 1, 9], [0, -1]),
        ("max_epochs", [1e-3, 1, {"a": 0.5}, None], [0, -1, {"a": 0}]),
        ("image_tokens", [1, 64], [0, -1, 0.5]),
        ("samples", [1, 10**9], [0, -1, 0.5]),
        ("tokens", [1, 10**9], [0, -1, 0.5]),
        ("weights", [{"a": 0}, {"a": 1e9}], [{"a": -1e-9}, {"a": "much"}]),
        ("multipliers", [{"a": 0}, {"a": 1e9}], [{"a": -1e-9}]),
        ("validation.share", [0, 0.5, 0.999], [1, 1.5, -0.1]),
        ("stages.0.samples", [1], [0, -1]),
        ("stages.0.tokens", [1], [0, -1]),
        ("stages.0.name", ["a", "B-2_c", "0"], ["", "a b", "-a", "a/b", ".a", "ä"]),
        ("by", ["samples", "total_tokens"], ["words"]),
    ],
)
def test_a_setting_is_taken_up_to_its_edges_and_no_further(
    path: str, taken: list[Any], refused: list[Any]
) -> None:
    for value in taken:
        assert held(asked(path, value), path) == value
    for value in refused:
        with pytest.raises(ValidationError):
            MixSettings.model_validate(asked(path, value))


@pytest.mark.parametrize("weight", [{"weight": -1, "of": {"a": 1}}, {"weight": 1, "of": {}}])
def test_a_group_has_a_weight_and_somebody_in_it(weight: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MixSettings.model_validate({"weights": {"g": weight}})
    good = {"weight": 0, "of": {"a": 1}}
    assert held({"weights": {"g": good}}, "weights.g") == good


@pytest.mark.parametrize("part", [{}, {"validation": {}}, {"include": {}}, {"exclude": {}}])
def test_what_is_not_known_is_refused(part: dict[str, Any]) -> None:
    told = {name: {"sauces": []} for name in part} or {"weight": {"a": 1}}
    assert MixSettings.model_validate(part)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        MixSettings.model_validate(told)


def test_what_is_not_asked_has_the_value_that_the_docs_name() -> None:
    told = MixSettings()
    assert (told.by, told.temperature, told.image_tokens) == ("samples", 1.0, 64)
    assert (told.max_epochs, told.max_share, told.validation.share) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weights": {"a": 1}, "multipliers": {"a": 1}}, "weights or multipliers, not both"),
        ({"samples": 1, "tokens": 1}, "in samples or in tokens, not both"),
        ({"samples": 1, "stages": [{"name": "a"}]}, "the budgets stand in the stages"),
        ({"tokens": 1, "stages": [{"name": "a"}]}, "the budgets stand in the stages"),
        ({"stages": [{"name": "a"}, {"name": "b"}]}, "stage 'a' needs samples or tokens"),
        (
            {"stages": [{"name": "a", "tokens": 1}, {"name": "b"}, {"name": "c", "tokens": 1}]},
            "stage 'b' needs samples or tokens",
        ),
        ({"stages": [{"name": "a", "samples": 1}, {"name": "a"}]}, "two stages have the same"),
        ({"weights": {"a": -1}}, "greater than or equal to 0"),
    ],
)
def test_settings_that_contradict_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MixSettings.model_validate(settings)


def test_a_mixture_without_stages_is_one() -> None:
    for budget in ({"samples": 5, "tokens": None}, {"samples": None, "tokens": 7}):
        told = MixSettings.model_validate({**budget, "weights": {"a": 2}})
        assert told.listed() == (StageSettings(name="main", **budget, weights={"a": 2}),)
    told = MixSettings(multipliers={"a": 3})
    assert told.listed() == (StageSettings(name="main", multipliers={"a": 3}),)


@pytest.mark.parametrize("own", [{"weights": {"b": 1}}, {"multipliers": {"b": 1}}])
@pytest.mark.parametrize("all_", [{"weights": {"a": 1}}, {"multipliers": {"a": 1}}])
def test_a_stage_has_the_weights_of_the_mixture_unless_it_has_its_own(
    own: dict[str, Any], all_: dict[str, Any]
) -> None:
    stages = [{"name": "one", "samples": 3, **own}, {"name": "two"}]
    told = MixSettings.model_validate({"stages": stages, **all_}).listed()
    assert told == (
        StageSettings(name="one", samples=3, **own),
        StageSettings(name="two", **all_),
    )
