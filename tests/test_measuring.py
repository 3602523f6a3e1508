"""What is measured: only what is not there yet, group by group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cauldron import curation
from cauldron.cli.main import app
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError
from cauldron.measuring import MeasureSettings
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.signals.groups import Batch, Group
from cauldron.storage import work
from cauldron.storage.shards import read_table, write_shard
from tests.signals.test_measure import sample


def vowels() -> Group:
    """A plug-in: how many vowels each sample has."""

    def count(batch: Batch) -> dict[str, Any]:
        texts = batch.said.joined.to_pylist()
        return {"vowels": [sum(letter in "aeiou" for letter in text) for text in texts]}

    return Group(name="vowels", version=1, fields=(("vowels", pa.int32()),), measure=count)


PLUGIN = "tests.test_measuring:vowels"


@pytest.fixture
def place(tmp_path: Path) -> str:
    written(str(tmp_path), "part-00000", ["aa", "b"])
    written(str(tmp_path), "part-00001", ["ccc"])
    return str(tmp_path)


def written(place: str, part: str, questions: list[str]) -> None:
    rows = [sample(question, "e", n=n) for n, question in enumerate(questions)]
    table = pa.Table.from_pylist(rows, SAMPLE_SCHEMA)
    write_shard(work.samples(place, "x", part), [table], SAMPLE_SCHEMA)


def measured(place: str, **settings: Any) -> dict[str, Any]:
    asked = MeasureSettings(**settings) if settings else None
    with LocalEngine(0) as engine:
        return curation.measure(engine, place, settings=asked)


def test_what_is_measured_is_not_measured_again(place: str) -> None:
    assert measured(place)["groups"]["text"] == 2
    assert measured(place) == measured(place) | {"measured": 0, "unchanged": 2, "groups": {}}


def test_rows_that_could_not_be_measured_are_told(place: str) -> None:
    broken = sample("q", "a", n=1) | {"extra": '{"question": '}
    table = pa.Table.from_pylist([sample("q", "a"), broken], SAMPLE_SCHEMA)
    write_shard(work.samples(place, "x", "part-00002"), [table], SAMPLE_SCHEMA)
    assert measured(place)["unmeasured"] == measured(place)["unmeasured"] == {"hashes": 1}
    told = CliRunner().invoke(app, ["measure", place])
    assert told.exit_code == 0 and "rows that could not be measured: hashes 1;" in told.stderr


def test_only_new_groups_are_measured(place: str) -> None:
    assert set(measured(place, signals=("text",))["groups"]) == {"counts", "tokens", "text"}
    found = measured(place, signals=("text", "language"), plugins={"vowels": PLUGIN})
    assert found["groups"] == {"language": 2, "vowels": 2}
    table = read_table(work.signals(place, "x", "part-00000"))
    assert table["vowels"].to_pylist() == [3, 1]
    assert {"language", "words", "chars"} <= set(table.column_names)


def test_new_parts_get_what_was_asked_for_last_time(place: str) -> None:
    measured(place, signals=("text",), plugins={"vowels": PLUGIN})
    written(place, "part-00002", ["a"])
    assert measured(place)["groups"]["vowels"] == 1


def test_a_changed_part_is_measured_anew_and_keeps_nothing(place: str) -> None:
    measured(place, signals=("text",), plugins={"vowels": PLUGIN})
    written(place, "part-00000", ["uuuu"])
    assert measured(place, signals=("text",))["groups"]["counts"] == 1
    names = [read_table(work.signals(place, "x", f"part-0000{n}")).column_names for n in (0, 1)]
    assert "vowels" not in names[0] and "vowels" in names[1]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"signals": ("langage",)}, "did you mean 'language'"),
        ({"tokenizer": "none.json"}, "no such tokenizer"),
        ({"plugins": {"x": "nothing"}}, "no signals 'nothing'"),
    ],
)
def test_what_cannot_be_measured_is_told(place: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        measured(place, **settings)
