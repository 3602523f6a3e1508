"""Rules: bounds included, pictures by all or any, overrides by source, faults told by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from cauldron.curate.deciding import decide, filter_parts
from cauldron.curate.rules import Rules, load_rules
from cauldron.errors import RecipeError, UsageError
from cauldron.packaged import packaged
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage.shards import read_table, write_table

RULES = packaged("recipes") / "rules"


def signals(**columns: list[Any]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    base = {"id": [f"s{n}" for n in range(rows)], "roles": ["chat"] * rows}
    base |= {"measure_error": [""] * rows, "n_images": [0] * rows, **columns}
    schema = {name: pl.from_arrow(SIGNALS_SCHEMA.empty_table())[name].dtype for name in base}
    return pl.DataFrame(base, schema=schema)


def decided(frame: pl.DataFrame, *rules: dict[str, Any], source: str = "x") -> list[str]:
    return decide(frame, Rules.model_validate({"rules": rules}).of(source))["reason"].to_list()


def test_bounds_are_included() -> None:
    frame = signals(words=[4, 5, 9, 10])
    rule = {"name": "length", "signal": "words", "min": 5, "max": 9}
    assert decided(frame, rule) == ["length", "", "", "length"]


def test_the_first_rule_that_fails_is_the_reason() -> None:
    frame = signals(words=[1], chars=[1])
    rules = [{"name": f"few_{s}", "signal": s, "min": 2} for s in ("chars", "words")]
    assert decided(frame, *rules) == ["few_chars"]


def test_a_dropped_text_is_named_in_the_decision() -> None:
    frame = signals(special_token=["", "<image>"])
    rule = {"name": "special_token", "signal": "special_token", "equals": ""}
    told = decide(frame, Rules.model_validate({"rules": [rule]}).of("x"))
    assert told["reason"].to_list() == ["", "special_token"]
    assert told["detail"].to_list() == ["", "special_token equals: <image>"]


def test_all_pictures_must_pass_or_one_is_enough() -> None:
    frame = signals(image_width=[[10, 100], [10, 20], [100, 200], []])
    rule = {"name": "small", "signal": "image_width", "min": 50}
    assert decided(frame, rule) == ["small", "small", "", ""]
    assert decided(frame, {**rule, "images": "any"}) == ["", "small", "", ""]


def test_pictures_that_fail_leave_their_document_and_the_last_takes_it_along() -> None:
    frame = signals(
        roles=["document"] * 4 + ["chat"],
        n_images=[3, 2, 0, 2, 2],
        image_width=[[10, 90, 20], [10, 20], [], [90, 91], [10, 90]],
        image_height=[[90, 10, 90], [90, 90], [], [90, 90], [90, 90]],
    )
    rules = [
        {"name": "narrow", "signal": "image_width", "min": 50, "images": "each"},
        {"name": "low", "signal": "image_height", "min": 50, "images": "each"},
    ]
    told = decide(frame, Rules.model_validate({"rules": rules}).of("x"))
    assert told["reason"].to_list() == ["low", "narrow", "", "", "narrow"]
    assert told["images"].to_list() == [None] * 5
    told = decide(frame, Rules.model_validate({"rules": rules[:1]}).of("x"))
    assert told["reason"].to_list() == ["", "narrow", "", "", "narrow"]
    assert told["images"].to_list() == [[0, 2], None, None, None, None]


def test_a_rule_counts_the_pictures_that_are_left() -> None:
    frame = signals(roles=["document"], n_images=[3], image_width=[[10, 90, 20]])
    each = {"name": "narrow", "signal": "image_width", "min": 50, "images": "each"}
    few = {"name": "few", "signal": "images_left", "min": 2}
    row = decide(frame, Rules.model_validate({"rules": [each, few]}).of("x")).row(0, named=True)
    assert (row["reason"], row["value"], row["threshold"]) == ("few", 1, 2)


def test_a_rule_holds_only_when_its_condition_does() -> None:
    frame = signals(words=[5, 50], punctuation_ratio=[0.0, 0.0])
    rule = {"name": "bare", "signal": "punctuation_ratio", "min": 0.01}
    when = {"signal": "words", "min": 12}
    assert decided(frame, {**rule, "when": when}) == ["", "bare"]


def test_a_rule_may_be_for_some_sources_only() -> None:
    rule = {"name": "few", "signal": "words", "min": 5, "only": ["a"]}
    rules = Rules.model_validate({"rules": [rule]})
    assert (len(rules.of("a")), len(rules.of("b"))) == (1, 0)


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_rules_are_sound_and_say_what_they_are(path: Path) -> None:
    rules = load_rules(str(path))
    assert rules.about and rules.rules
    empty = pl.DataFrame(pl.from_arrow(SIGNALS_SCHEMA.empty_table()))
    assert decide(empty, rules.of("x")).height == 0


def test_a_value_is_in_a_list_or_in_none() -> None:
    frame = signals(language=["en", "fr", None])
    rule = {"name": "language", "signal": "language"}
    assert decided(frame, {**rule, "one_of": ["en"]}) == ["", "language", ""]
    assert decided(frame, {**rule, "none_of": ["en"]}) == ["language", "", ""]


def test_a_sample_that_could_not_be_measured_is_dropped_with_stage_and_error() -> None:
    frame = signals(words=[9, None], measure_error=["", "text: ValueError: broken"])
    told = decide(frame, Rules.model_validate({"rules": []}).of("x"))
    assert told["reason"].to_list() == ["", "not_measured"]
    assert told["detail"][1] == "measure: text: ValueError: broken"


def test_the_threshold_is_the_bound_that_was_passed() -> None:
    frame = signals(words=[1, 5, 20])
    rules = Rules.model_validate({"rules": [{"name": "n", "signal": "words", "min": 2, "max": 9}]})
    assert decide(frame, rules.of("x"))["threshold"].to_list() == [2, None, 9]


def test_a_signal_of_a_plug_in_is_named_in_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    rule = "rules:\n  - {name: far, signal: clip_similarity, min: 0.2}\n"
    path.write_text("other_signals: [clip_similarity]\n" + rule)
    frame = signals(words=[1]).with_columns(clip_similarity=pl.Series([[0.1, 0.5]]))
    assert decide(frame, load_rules(str(path)).of("x"))["reason"].to_list() == ["far"]
    path.write_text(rule)
    with pytest.raises(RecipeError, match=r"rules.yaml:2"):
        load_rules(str(path))


def test_a_value_that_is_missing_passes_and_an_error_that_is_missing_is_none() -> None:
    frame = signals(words=[None, 1, 9], measure_error=[None, None, ""])
    rule = {"name": "few", "signal": "words", "min": 5}
    assert decided(frame, rule) == ["", "few", ""]
    pictures = signals(image_width=[[None], [10, None], [], None])
    small = {"name": "small", "signal": "image_width", "min": 50}
    assert decided(pictures, small) == ["", "small", "", ""]
    assert decided(pictures, {**small, "images": "any"}) == ["", "", "", ""]
    when = {"signal": "chars", "min": 1}
    both = signals(words=[1, 1], chars=[None, 3])
    assert decided(both, {**rule, "when": when}) == ["", "few"]


@pytest.mark.parametrize(
    ("bounds", "values", "thresholds"),
    [
        ({"min": 2, "max": 9}, [1, 2, 9, 10], [2, None, None, 9]),
        ({"max": 9}, [10, 9], [9, None]),
        ({"equals": 3}, [3, 4], [None, 3]),
        ({"one_of": ["3"]}, [], []),
    ],
)
def test_the_bound_is_told_that_a_value_has_passed(
    bounds: dict[str, Any], values: list[int], thresholds: list[float | None]
) -> None:
    rule = {"name": "n", "signal": "words", **bounds}
    if values:
        told = decide(signals(words=values), Rules.model_validate({"rules": [rule]}).of("x"))
        assert told["threshold"].to_list() == thresholds
        failed = [v for v, t in zip(values, thresholds, strict=True) if t is not None]
        assert told["value"].drop_nulls().to_list() == failed


def test_a_detail_names_every_bound() -> None:
    rule = {"name": "n", "signal": "words", "min": 2, "max": 9.5}
    told = decide(signals(words=[1]), Rules.model_validate({"rules": [rule]}).of("x"))
    assert told["detail"].to_list() == ["words min 2 max 9.5"]
    rule = {"name": "n", "signal": "language", "one_of": ["en", "fr"]}
    told = decide(signals(language=["de"]), Rules.model_validate({"rules": [rule]}).of("x"))
    assert told["detail"].to_list() == ["language one_of en, fr: de"]


def test_what_rules_decide_by_has_a_key_and_what_is_read_only_has_none() -> None:
    def key(about: str = "", **rule: Any) -> str:
        told = {"name": "n", "signal": "words", "min": 2} | rule
        return Rules.model_validate({"about": about, "rules": [told]}).key

    assert key() == key(about="said") == key(**{"about": "why"})
    assert len({key(), key(min=3), key(name="m"), key(only=["a"]), key(images="any")}) == 5


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"rules": [{"name": "N", "signal": "words", "min": 1}]}, "name"),
        ({"rules": [{"name": "n", "signal": "words", "min": 1}] * 2}, "two rules have the same"),
        (
            {"rules": [{"name": "n", "signal": "words", "min": 1,
                        "when": {"signal": "image_width", "min": 1}}]},
            "has a value for each picture",
        ),
        ({"rules": [], "sources": {"a": {"n": "off"}}}, "source 'a': no rule 'n'"),
    ],
)  # fmt: skip
def test_rules_that_contradict_are_refused(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Rules.model_validate(told)


def test_a_signal_that_is_not_measured_is_told(tmp_path: Path) -> None:
    write_table(f"{tmp_path}/signals", signals(words=[1]).to_arrow())
    rules = Rules.model_validate({"rules": [{"name": "few", "signal": "chars", "min": 5}]})
    with pytest.raises(UsageError, match="'chars' is not measured"):
        filter_parts([(f"{tmp_path}/signals", f"{tmp_path}/out")], rules, "x")


def test_a_decision_holds_the_value_and_the_bound() -> None:
    frame = signals(image_width=[[100, 10]])
    rules = Rules.model_validate({"rules": [{"name": "small", "signal": "image_width", "min": 50}]})
    row = decide(frame, rules.of("x")).row(0, named=True)
    assert (row["keep"], row["value"], row["threshold"]) == (False, 10, 50)
    assert row["detail"] == "image_width min 50 at images[1]"


def test_a_source_switches_a_rule_off_or_moves_its_bound() -> None:
    told = {
        "rules": [{"name": "few", "signal": "words", "min": 5}],
        "sources": {"a": {"few": "off"}, "b": {"few": {"min": 2}}},
    }
    rules = Rules.model_validate(told)
    frame = signals(words=[1, 3])
    of = {source: decide(frame, rules.of(source))["reason"].to_list() for source in "abc"}
    assert of == {"a": ["", ""], "b": ["few", ""], "c": ["few", "few"]}


def test_a_rule_for_documents_leaves_chats_alone() -> None:
    frame = signals(words=[1, 1]).with_columns(pl.Series("roles", ["chat", "document"]))
    rule = {"name": "short", "signal": "words", "min": 5, "roles": "document"}
    assert decided(frame, rule) == ["", "short"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules:\n  - {name: a, signal: wrods, min: 1}\n", "did you mean 'words'"),
        ("rules:\n  - {name: a, signal: words}\n", "needs min, max"),
        ("rules:\n  - {name: a, signal: words, mim: 1}\n", "did you mean 'min'"),
        ("rules: []\nsources: {x: {few: off}}\n", "no rule 'few'"),
        ("- a\n", "expected `rules:`"),
    ],
)
def test_a_fault_in_a_rules_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r".") as caught:
        load_rules(str(path))
    assert told in str(caught.value) and "rules.yaml" in str(caught.value)


def test_parts_decided_together_are_decided_as_alone(tmp_path: Path) -> None:
    rules = Rules.model_validate({"rules": [{"name": "few", "signal": "words", "min": 5}]})
    tables = [signals(words=list(range(n, n + size))).to_arrow() for n, size in ((0, 3), (3, 4))]
    for number, table in enumerate(tables):
        write_table(f"{tmp_path}/signals-{number}", table)
    pairs = [(f"{tmp_path}/signals-{n}", f"{tmp_path}/decisions-{n}") for n in range(2)]
    told = filter_parts(pairs, rules, "x")
    together = [read_table(out) for _, out in pairs]
    for pair, found in zip(pairs, together, strict=True):
        filter_parts([pair], rules, "x")
        assert read_table(pair[1]).equals(found)
    assert [table["keep"].to_pylist() for table in together] == [
        [False] * 3,
        [False, False, True, True],
    ]
    assert told == {"kept": 2, "dropped": {"few": 5}, "images_left_out": 0}
