"""Weights to draws: units, groups, temperature, caps, stages, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cauldron.errors import RecipeError
from cauldron.mixture.plan import SourcePlan, _largest, plan
from cauldron.mixture.settings import MixSettings


def size(samples: int, turns: int, answer_tokens: int) -> dict[str, int]:
    return {
        "samples": samples,
        "turns": turns,
        "images": samples,
        "chars": 10 * answer_tokens,
        "answer_tokens": answer_tokens,
        "text_tokens": 2 * answer_tokens,
    }


SIZES = {"short": size(100, 100, 100), "long": size(100, 300, 900)}


def stages(**told: object) -> list[dict[str, SourcePlan]]:
    planned = plan(MixSettings.model_validate(told), SIZES)
    return [{source.name: source for source in stage.sources} for stage in planned]


def shares(**settings: object) -> dict[str, float]:
    return {name: round(row.draw_share, 9) for name, row in stages(**settings)[0].items()}


def test_without_weights_every_sample_is_drawn_equally_often() -> None:
    assert shares(by="samples") == {"short": 0.5, "long": 0.5}
    assert shares(by="answer_tokens") == {"short": 0.5, "long": 0.5}


def test_a_share_of_tokens_draws_long_samples_less_often() -> None:
    told = shares(by="answer_tokens", weights={"short": 1, "long": 1})
    assert told == {"short": 0.9, "long": 0.1}


def test_a_multiplier_counts_a_source_that_often() -> None:
    told = stages(by="answer_tokens", multipliers={"short": 9, "long": 1})[0]
    assert [row.share for row in told.values()] == pytest.approx([0.5, 0.5])


def test_total_tokens_count_pictures_at_what_they_cost_the_model() -> None:
    told = {
        cost: stages(by="total_tokens", weights={"short": 1, "long": 1}, image_tokens=cost)[0]
        for cost in (64, 320)
    }
    ratio = {cost: row["short"].samples / row["long"].samples for cost, row in told.items()}
    assert ratio[64] == pytest.approx((64 + 18) / (64 + 2))
    assert ratio[320] == pytest.approx((320 + 18) / (320 + 2))


def test_temperature_flattens_sizes() -> None:
    assert shares(by="turns", temperature=1e9)["short"] == pytest.approx(0.75)


def test_a_group_shares_its_weight_among_its_own() -> None:
    group = {"weight": 3, "of": {"short": 1, "absent": 0}}
    with pytest.raises(RecipeError, match="unknown source 'absent'"):
        stages(weights={"vqa": group, "long": 1})
    group["of"] = {"short": 1}
    assert shares(weights={"vqa": group, "long": 1}) == {"short": 0.75, "long": 0.25}


def test_groups_stand_in_groups() -> None:
    inner = {"weight": 1, "of": {"short": 1, "long": 3}}
    assert shares(weights={"all": {"weight": 7, "of": {"in": inner}}})["long"] == 0.75


def test_a_cap_on_epochs_moves_draws_to_the_others() -> None:
    told = stages(weights={"short": 9, "long": 1}, samples=200, max_epochs=1.5)[0]
    assert told["short"].epochs == pytest.approx(1.5)
    assert told["short"].limited_by == "max_epochs"
    assert told["long"].epochs == pytest.approx(0.5)


def test_a_cap_of_one_source_leaves_the_others_free() -> None:
    told = stages(samples=1000, max_epochs={"short": 2})[0]
    assert told["short"].epochs == pytest.approx(2)
    assert told["long"].epochs == pytest.approx(8)


def test_a_largest_share_moves_the_rest_to_the_others() -> None:
    told = stages(weights={"short": 9, "long": 1}, max_share=0.6)[0]
    assert (told["short"].share, told["long"].share) == pytest.approx((0.6, 0.4))
    assert told["short"].limited_by == "max_share"


def test_a_budget_in_tokens_counts_pictures() -> None:
    told = stages(tokens=100_000, image_tokens=64)[0]
    assert sum(row.tokens for row in told.values()) == pytest.approx(100_000)


def test_epochs_are_counted_over_all_stages() -> None:
    told = stages(
        max_epochs=1,
        stages=[
            {"name": "one", "samples": 80, "weights": {"short": 1}},
            {"name": "two", "samples": 120, "weights": {"short": 1, "long": 1}},
        ],
    )
    assert told[0]["short"].epochs == pytest.approx(0.8)
    assert told[1]["short"].epochs == pytest.approx(0.2)
    assert told[1]["long"].epochs == pytest.approx(1.0)


def test_an_impossible_budget_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(RecipeError, match="asks for 1,000 samples; max_epochs allows 400"):
        stages(samples=1000, max_epochs=2)


def test_an_impossible_largest_share_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(RecipeError, match=r"max_share 0.4 of 2 sources makes 0.8"):
        stages(max_share=0.4)


def test_a_weight_for_an_unknown_source_names_the_near_one() -> None:
    with pytest.raises(RecipeError, match="did you mean 'short'"):
        stages(weights={"shrot": 1})


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="weights sum to 0"):
        stages(weights={"short": 0})


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=2, max_size=6),
    weights=st.lists(st.floats(0.01, 9), min_size=6, max_size=6),
    most=st.floats(0.2, 1),
    epochs=st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.7]), min_size=6, max_size=6),
    budget=st.integers(1, 2000),
    kind=st.sampled_from(["samples", "tokens"]),
    by=st.sampled_from(["samples", "answer_tokens", "total_tokens"]),
)
@example([4, 5], [1.0, 2.0, 1, 1, 1, 1], 0.5, [2.0] * 6, 16, "samples", "samples")
def test_both_limits_hold_together_or_are_refused(
    sizes: list[int],
    weights: list[float],
    most: float,
    epochs: list[float],
    budget: int,
    kind: str,
    by: str,
) -> None:
    there = {f"s{n}": size(count, count, count * (n + 1)) for n, count in enumerate(sizes)}
    caps = dict(zip(there, epochs, strict=False))
    told = MixSettings.model_validate(
        {
            "by": by,
            "weights": dict(zip(there, weights, strict=False)),
            "max_share": most,
            "max_epochs": caps,
            kind: budget,
        }
    )
    try:
        rows = plan(told, there)[0].sources
    except RecipeError as error:
        assert "max_epochs" in str(error) or "max_share" in str(error)
        return
    assert sum(getattr(row, kind) for row in rows) == pytest.approx(budget)
    free = [row.share / row.asked for row in rows if not row.limited_by]
    assert not free or max(free) == pytest.approx(min(free))
    for row in rows:
        assert row.share <= most * (1 + 1e-9) and row.epochs <= caps[row.name] * (1 + 1e-9)
        if row.limited_by == "max_share":
            assert row.share == pytest.approx(most)
        if row.limited_by == "max_epochs":
            assert row.epochs == pytest.approx(caps[row.name])
        if row.limited_by and free:
            assert row.share / row.asked < max(free) * (1 + 1e-9)


def test_what_both_limits_allow_is_told() -> None:
    with pytest.raises(RecipeError, match=r"max_epochs and max_share 0.6 together allow 5"):
        stages(weights={"short": 1, "long": 1}, max_epochs={"long": 0.02}, max_share=0.6, samples=9)


def test_all_stages_but_the_last_end_where_their_budget_does() -> None:
    budgets = [{"name": "one", "samples": 30}, {"name": "two", "tokens": 4000}]
    for last in ({"name": "three"}, {"name": "three", "samples": 5}):
        told = plan(MixSettings.model_validate({"stages": [*budgets, last]}), SIZES)
        drawn = [sum(row.samples for row in stage.sources) for stage in told]
        assert [stage.samples for stage in told] == [30, round(drawn[1]), None]
    assert plan(MixSettings(samples=30), SIZES)[0].samples is None


def test_without_a_budget_every_size_is_drawn_once() -> None:
    sizes = {"short": size(100, 100, 100), "long": size(60, 300, 900)}
    (stage,) = plan(MixSettings(weights={"short": 1, "long": 3}), sizes)
    assert [row.samples for row in stage.sources] == pytest.approx([40, 120])
    assert [row.epochs for row in stage.sources] == pytest.approx([0.4, 2])


def test_a_draw_costs_its_text_and_its_pictures() -> None:
    told = stages(samples=20, image_tokens=10)[0]
    assert [row.tokens for row in told.values()] == pytest.approx([10 * (10 + 2), 10 * (10 + 18)])


def test_a_source_without_samples_leaves_its_share_to_the_others() -> None:
    sizes = {**SIZES, "empty": size(0, 0, 0)}
    group = {"weight": 2, "of": {"empty": 1}}
    weights = {"g": group, "short": 1, "empty": 7, "long": 1}
    told = plan(MixSettings.model_validate({"weights": weights}), sizes)
    assert {row.name: row.draw_share for row in told[0].sources} == {"short": 0.5, "long": 0.5}
    with pytest.raises(RecipeError, match="no source of the mixture has a sample"):
        plan(MixSettings(), {"empty": size(0, 0, 0)})


def test_a_part_of_a_part_is_a_product_of_weights() -> None:
    sizes = {name: size(10, 10, 10) for name in "abcd"}
    inner = {"weight": 5, "of": {"b": 1, "c": 4}}
    weights = {"g": {"weight": 3, "of": {"a": 2, "in": inner}}, "d": 1}
    told = plan(MixSettings.model_validate({"weights": weights}), sizes)[0].sources
    parts = {"a": 3 / 4 * 2 / 7, "b": 3 / 4 * 5 / 7 / 5, "c": 3 / 4 * 5 / 7 * 4 / 5, "d": 1 / 4}
    assert {row.name: row.share for row in told} == pytest.approx(parts)


def test_a_source_without_epochs_left_is_in_no_later_stage() -> None:
    told = stages(
        max_epochs={"short": 1},
        stages=[{"name": "one", "samples": 200}, {"name": "two", "samples": 50}, {"name": "three"}],
    )
    assert [list(stage) for stage in told] == [["short", "long"], ["long"], ["long"]]
    assert told[1]["long"].share == 1 and told[1]["long"].asked == 0.5


def test_a_source_that_stands_in_two_groups_gets_both_parts() -> None:
    groups = {name: {"weight": 1, "of": {"short": 1}} for name in ("one", "two")}
    assert shares(weights={**groups, "long": 2})["short"] == 0.5
    assert shares(weights={"one": groups["one"], "long": 2, "short": 1})["short"] == 0.5


def test_a_group_of_weight_0_and_a_source_of_weight_0_are_not_drawn() -> None:
    group = {"weight": 0, "of": {"short": 5}}
    assert shares(weights={"none": group, "long": 1}) == {"long": 1}
    assert shares(weights={"g": {"weight": 3, "of": {"short": 0, "long": 0}}, "long": 1}) == {
        "long": 1
    }


def test_a_unit_that_a_source_has_none_of_still_draws_it() -> None:
    sizes = {"words": size(10, 10, 0), "pictures": {**size(10, 10, 50)}}
    told = MixSettings(by="answer_tokens", weights={"words": 1, "pictures": 1})
    rows = {row.name: row for row in plan(told, sizes)[0].sources}
    assert rows["words"].share == pytest.approx(0.5)
    assert rows["words"].samples == pytest.approx(50 * rows["pictures"].samples)


def test_max_epochs_of_an_unknown_source_names_the_near_one() -> None:
    with pytest.raises(RecipeError, match=r"max_epochs of unknown source 'shrot'.*'short'"):
        stages(max_epochs={"shrot": 1})


def test_a_budget_that_is_just_met_is_not_refused() -> None:
    told = stages(samples=400, max_epochs=2)[0]
    assert [row.epochs for row in told.values()] == pytest.approx([2, 2])
    assert stages(max_share=0.5)[0]["short"].share == pytest.approx(0.5)


def test_two_sources_at_the_largest_share_and_one_at_its_cap() -> None:
    sizes = {name: size(100, 100, 100) for name in "abcd"}
    told = {"weights": {"a": 8, "b": 4, "c": 1, "d": 2}, "max_share": 0.35, "samples": 100}
    rows = {row.name: row for row in plan(MixSettings.model_validate(told), sizes)[0].sources}
    assert [rows[n].samples for n in "abcd"] == pytest.approx([35, 35, 10, 20])
    told["max_epochs"] = {"d": 0.1}
    rows = {row.name: row for row in plan(MixSettings.model_validate(told), sizes)[0].sources}
    assert [rows[n].samples for n in "abcd"] == pytest.approx([35, 35, 20, 10])
    assert [rows[n].limited_by for n in "abcd"] == ["max_share", "max_share", "", "max_epochs"]


def test_limits_that_leave_no_source_free_are_met_exactly() -> None:
    told = stages(weights={"short": 1, "long": 3}, max_share=0.5, samples=80)[0]
    assert [row.samples for row in told.values()] == pytest.approx([40, 40])


CAPS = st.lists(st.floats(0.01, 100) | st.just(math.inf), min_size=1, max_size=6)


@given(caps=CAPS, slack=st.floats(1, 4))
def test_the_largest_sum_is_the_last_whose_parts_fit(caps: list[float], slack: float) -> None:
    most = min(slack / len(caps), 1.0)

    def fits(total: float) -> bool:
        return sum(min(cap, most * total) for cap in caps) >= total * (1 - 1e-9)

    found = _largest({str(n): cap for n, cap in enumerate(caps)}, most)
    if math.isinf(found):
        assert fits(1e12)
    else:
        assert fits(found) and not fits(found * (1 + 1e-6) + 1e-9)
