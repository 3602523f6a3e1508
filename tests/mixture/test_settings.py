"""Weights to shares: units, temperature, caps, and what is refused."""

from __future__ import annotations

import pytest

from cauldron.errors import RecipeError
from cauldron.mixture.settings import MixSettings, plan

SIZES = {
    "short": {"samples": 100, "turns": 100, "images": 100, "chars": 1_000},
    "long": {"samples": 100, "turns": 300, "images": 100, "chars": 9_000},
}


def shares(**settings: object) -> dict[str, float]:
    rows = plan(MixSettings.model_validate(settings), SIZES)
    return {row["name"]: round(row["draw_share"], 9) for row in rows}


def test_without_weights_every_sample_is_drawn_equally_often() -> None:
    assert shares(by="samples") == {"short": 0.5, "long": 0.5}
    assert shares(by="chars") == {"short": 0.5, "long": 0.5}


def test_a_share_of_chars_draws_long_samples_less_often() -> None:
    assert shares(by="chars", weights={"short": 1, "long": 1}) == {"short": 0.9, "long": 0.1}


def test_temperature_flattens_sizes() -> None:
    flat = shares(by="turns", temperature=1e9)
    assert flat["short"] == pytest.approx(0.75)  # equal turns: three draws for one


def test_the_realised_share_is_in_the_unit_asked_for() -> None:
    rows = plan(MixSettings(by="chars", weights={"short": 3, "long": 1}), SIZES)
    assert [row["share"] for row in rows] == pytest.approx([0.75, 0.25])


def test_a_cap_on_epochs_moves_draws_to_the_others() -> None:
    asked = MixSettings(weights={"short": 9, "long": 1}, samples=200, max_epochs=1.5)
    rows = {row["name"]: row for row in plan(asked, SIZES)}
    assert rows["short"]["epochs"] == pytest.approx(1.5)
    assert rows["short"]["limited_by"] == "max_epochs"
    assert rows["long"]["epochs"] == pytest.approx(0.5)


def test_an_impossible_cap_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(RecipeError) as caught:
        plan(MixSettings(samples=1000, max_epochs=2), SIZES)
    assert "at most 400 draws" in str(caught.value)


def test_a_weight_for_an_unknown_source_names_the_near_one() -> None:
    with pytest.raises(RecipeError, match="did you mean 'short'"):
        plan(MixSettings(weights={"shrot": 1}), SIZES)


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="no source"):
        plan(MixSettings(weights={"short": 0}), SIZES)
