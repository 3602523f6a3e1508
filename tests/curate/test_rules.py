"""Rules: bounds included, pictures by all or any, overrides by source, faults told by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cauldron.curate.rules import Rules, decide, filter_parts, load_rules
from cauldron.errors import RecipeError
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage.shards import read_table, write_table


def signals(**columns: list[Any]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    base = {"id": [f"s{n}" for n in range(rows)], "roles": ["chat"] * rows, **columns}
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


def test_a_decision_holds_the_value_and_the_bound() -> None:
    frame = signals(image_width=[[100, 10]])
    rules = Rules.model_validate({"rules": [{"name": "small", "signal": "image_width", "min": 50}]})
    row = decide(frame, rules.of("x")).row(0, named=True)
    assert (row["keep"], row["value"], row["detail"]) == (False, 10, "image_width min 50.0")


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
    assert told == {"kept": 2, "dropped": {"few": 5}}
