"""The shipped recipes give the paper's mixture, by the counts that stand in the cards."""

from __future__ import annotations

import pytest

from cauldron.mixture.plan import plan
from cauldron.packaged import packaged
from cauldron.recipe import Recipe, load_recipe
from cauldron.sources.card import card
from cauldron.sources.catalogue import source_names


def recipe(name: str) -> Recipe:
    return load_recipe(str(packaged("recipes") / f"{name}.yaml"))


def shares(told: Recipe) -> dict[str, float]:
    """Return the share of each source in percent, with the published answer tokens as sizes."""
    sizes = {}
    for entry in told.ingest:
        tokens = card(entry.source).counts.tokens or 0
        sizes[entry.source] = {
            "samples": 1000,
            "turns": 1000,
            "images": 1000,
            "chars": 1000,
            "answer_tokens": tokens,
            "text_tokens": tokens,
        }
    (stage,) = plan(told.mix, sizes)
    return {source.name: 100 * source.share for source in stage.sources}


@pytest.mark.parametrize(("name", "sources"), [("cauldron", 50), ("idefics2-sft", 59)])
def test_a_recipe_names_every_source_once(name: str, sources: int) -> None:
    named = [entry.source for entry in recipe(name).ingest]
    assert len(named) == len(set(named)) == sources
    assert set(named) <= set(source_names())


def test_multipliers_times_answer_tokens_give_table_14() -> None:
    found = shares(recipe("idefics2-sft"))
    told = {name: card(name).counts.mixture_percent for name in found}
    differ = {n: (round(found[n], 3), told[n]) for n in found if abs(found[n] - told[n]) > 0.03}
    assert set(differ) == {"localized_narratives"}  # the table prints 4.56 where 4.38 comes out


def test_the_weights_of_the_fifty_are_the_shares_of_the_table() -> None:
    found = shares(recipe("cauldron"))
    told = {name: card(name).counts.mixture_percent or 0.0 for name in found}
    total = sum(told.values())
    assert found == pytest.approx({name: 100 * told[name] / total for name in told})
