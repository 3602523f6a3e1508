"""Sources by what their cards say, and how a manifest tells where samples were read from."""

from __future__ import annotations

from typing import Any

import pytest

from cauldron.errors import RecipeError
from cauldron.mixture.ingested import ingested, recipe_without_secrets, variable
from cauldron.mixture.settings import MixSettings, Tags
from cauldron.mixture.tags import check_tags, fits, wanted

CLEVR = {"license": "CC-BY-4.0", "category": "Reasoning, logic, maths"}  # as its card says


@pytest.mark.parametrize(
    ("tags", "there"),
    [
        ({}, True),
        ({"sources": ["ai2d", "clevr"]}, True),
        ({"sources": ["ai2d"]}, False),
        ({"licenses": ["MIT", CLEVR["license"]]}, True),
        ({"licenses": ["MIT"]}, False),
        ({"categories": [CLEVR["category"]]}, True),
        ({"categories": ["Captioning"]}, False),
        ({"commercial_use": True}, True),
        ({"commercial_use": False}, False),
        ({"sources": ["clevr"], "licenses": ["MIT"]}, False),
        ({"licenses": [CLEVR["license"]], "categories": ["Captioning"]}, False),
        ({"licenses": [CLEVR["license"]], "commercial_use": False}, False),
    ],
)
def test_a_source_fits_when_it_fits_every_list(tags: dict[str, Any], there: bool) -> None:
    told = Tags.model_validate(tags)
    assert fits("clevr", told) == there
    assert wanted("clevr", MixSettings(include=told)) == there
    assert wanted("clevr", MixSettings(exclude=told)) == (not there)
    assert wanted("clevr", MixSettings())


def test_a_source_without_a_card_has_no_licence() -> None:
    assert fits("mine", Tags(licenses=("unknown",), commercial_use=False))
    assert fits("mine", Tags(categories=("",)))
    assert not fits("mine", Tags(licenses=(CLEVR["license"],)))


def test_a_source_is_left_out_though_it_is_taken_in() -> None:
    both = MixSettings(include=Tags(sources=("clevr", "ai2d")), exclude=Tags(sources=("ai2d",)))
    assert [wanted(name, both) for name in ("clevr", "ai2d", "vsr")] == [True, False, False]


@pytest.mark.parametrize("key", ["include", "exclude"])
def test_tags_must_name_what_there_is(key: str) -> None:
    def check(**tags: Any) -> None:
        check_tags(MixSettings.model_validate({key: tags}), ["mine"])

    check(sources=["mine", "clevr"], licenses=["unknown"], categories=[CLEVR["category"]])
    check(commercial_use=True)
    for tags, said in (
        ({"sources": ["mien"]}, "no source 'mien'; did you mean 'mine'"),
        ({"licenses": ["CC-BY-4.1"]}, r"no license 'CC-BY-4.1'; did you mean 'CC-BY-4\.0'"),
        ({"categories": ["Reasoning"]}, "no category 'Reasoning'"),
    ):
        with pytest.raises(RecipeError, match=f"{key}: {said}"):
            check(**tags)


def entry(source: str, first: int, parts: int = 1, **settings: Any) -> dict[str, Any]:
    return {
        "source": source, "split": f"split{first}", "first_part": first, "n_parts": parts,
        "settings": {"options": {"url": "https://a.org", "key": "s3cret"}, **settings},
    }  # fmt: skip


def test_ingests_are_told_in_the_order_of_their_parts_and_secrets_by_variable() -> None:
    entries = [
        entry("b", 0),
        entry("a", 4, secrets=["key"]),
        entry("a", 0),
        entry("a", 2, parts=0),
        entry("other", 0),
    ]
    told = ingested(entries, {"a", "b"})
    assert [(t["source"], t["split"]) for t in told] == [
        ("a", "split0"), ("a", "split4"), ("b", "split0")
    ]  # fmt: skip
    assert told[0]["options"] == {"url": "https://a.org", "key": "s3cret"}
    assert told[1] == {
        "source": "a", "split": "split4", "options": {"url": "https://a.org", "key": "$A_KEY"}
    }  # fmt: skip
    assert entries[1]["settings"]["secrets"] == ["key"], "the ledger is left alone"


def test_a_variable_has_a_name_that_shells_take() -> None:
    assert variable("my-set", "api.key") == "$MY_SET_API_KEY"


def test_a_recipe_is_kept_without_its_secrets() -> None:
    options = {"url": "https://a.org", "key": "s3cret"}
    listed = [
        {"source": "a", "options": options},
        {"source": "a", "options": {"key": "$MINE"}, "split": "x"},
        {"source": "b", "options": options},
        {"source": "a"},
        {"source": "a", "options": None},
    ]
    entries = [entry("a", 0, secrets=["key"]), entry("b", 0)]
    told = recipe_without_secrets({"name": "r", "ingest": listed}, entries)
    assert told["name"] == "r"
    assert [t["options"] for t in told["ingest"]] == [
        {**options, "key": "$A_KEY"}, {"key": "$MINE"}, options, {}, {}
    ]  # fmt: skip
    assert listed[0]["options"] == options and told["ingest"][1]["split"] == "x"
    assert recipe_without_secrets({"name": "r"}, entries) == {"name": "r", "ingest": []}


@pytest.mark.parametrize("recipe", [None, "text", {"ingest": [{"source": "a"}]}])
def test_a_recipe_without_secrets_stays_as_it_is(recipe: Any) -> None:
    assert recipe_without_secrets(recipe, [entry("a", 0)]) is recipe
    if not isinstance(recipe, dict):
        assert recipe_without_secrets(recipe, [entry("a", 0, secrets=["key"])]) is recipe
