"""The plan: keys in first-seen order, parts by samples and bytes, limits, bad rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cauldron import planning
from cauldron.errors import SourceError
from cauldron.planning import KeyNumbers, PartTask, key_hash, spill_plan, spilled_groups
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject
from cauldron.sources.base import Form

FORM = Form(
    name="official",
    files=lambda raw, split: [],
    splits=lambda raw: [],
    rows=lambda raw, found, split: iter(()),
    key=lambda row: str(row.data["key"]),
    convert=lambda row: Draft(),
)
TASK = PartTask(
    work="",
    source="s",
    split="train",
    form="official",
    roots=(),
    license="",
    seed=3,
    prompts="plain",
)


def row(record: int, key: Any, **fields: Any) -> Row:
    return Row(
        file="f",
        record=str(record),
        data={"key": key, **fields},
        folder="/raw",
        split="train",
        source="s",
        seed=3,
        prompts="plain",
    )


def groups(folder: Path, rows: list[Row], limit: int | None = None) -> list[list[list[Row]]]:
    """Return the rows of each group of each part."""
    plan = spill_plan(FORM, rows, folder, limit)
    return [list(spilled_groups(replace(TASK, spill=str(path)))) for path, _ in plan]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [row(0, "a", deep={"x": [1.5, None, "é"]}), replace(row(1, "b"), weight=7)]
    assert groups(tmp_path, rows) == [[[rows[0]], [rows[1]]]]


def test_far_rows_of_one_key_are_gathered_in_order(tmp_path: Path) -> None:
    chance = random.Random(1)
    keys = [chance.randrange(3_000) for _ in range(9_000)]
    parts = groups(tmp_path, [row(n, key) for n, key in enumerate(keys)])
    found = [[int(r.record) for r in group] for part in parts for group in part]
    expected: dict[int, list[int]] = {}
    for number, key in enumerate(keys):
        expected.setdefault(key, []).append(number)
    assert found == list(expected.values())
    assert len(parts) == 2 and len(parts[0]) == 2_000


def test_a_part_ends_early_where_rows_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SPILL_BYTES", 10_000)
    parts = groups(tmp_path, [row(n, n // 2, text="x" * 900) for n in range(100)])
    assert len(parts) > 5 and all(len(group) == 2 for part in parts for group in part)


@pytest.mark.parametrize("recent", [3, 10_000])
def test_old_keys_are_known_as_well_as_new_ones(
    recent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_RECENT_KEYS", recent)
    numbers = KeyNumbers()
    for number in range(1_000):
        assert numbers.get(key_hash(f"key {number}")) is None
        numbers.put(key_hash(f"key {number}"), number)
    assert len(numbers) == 1_000
    assert all(numbers.get(key_hash(f"key {number}")) == number for number in range(1_000))


def test_a_limit_counts_records_and_cuts_a_row_that_stands_for_many(tmp_path: Path) -> None:
    rows = [replace(row(n, n), weight=200) for n in range(5)]
    ((first, second),) = groups(tmp_path, rows, limit=250)
    assert [first[0].weight, second[0].weight] == [200, 50]


def test_rejects_and_rows_without_a_key_stand_alone(tmp_path: Path) -> None:
    reject = replace(row(0, 1), data=Reject(reason="json_invalid", detail="here"))
    keyless = replace(row(1, 1), data={"other": 1})
    assert groups(tmp_path, [reject, keyless, row(2, 1)]) == [[[reject], [keyless], [row(2, 1)]]]


@pytest.mark.parametrize("value", ["\ud800", 2**80, b"bytes", {1, 2}])
def test_data_that_cannot_be_kept_becomes_a_reject(tmp_path: Path, value: Any) -> None:
    (((found,),),) = groups(tmp_path, [row(0, "a", value=value)])
    assert isinstance(found.data, Reject) and found.data.reason == "text_not_utf8"


def test_raw_data_of_another_shape_is_the_users_error(tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        yield row(0, 1)
        raise KeyError("questions")

    with pytest.raises(SourceError, match=r"not in the known layout: KeyError: 'questions'"):
        spill_plan(FORM, rows(), tmp_path)
