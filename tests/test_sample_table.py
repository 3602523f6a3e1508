"""Sample tables built by column equal those built row by row; drafts that cannot be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.drafts import id_part, writable
from cauldron.sample import SAMPLE_SCHEMA, Draft, Reject, Turn, sample_table
from cauldron.storage.shards import file_sha256, write_shard

_PARTS = st.fixed_dictionaries({"type": st.text(max_size=3), "text": st.none() | st.text()})
_MESSAGES = st.fixed_dictionaries({"role": st.text(), "content": st.lists(_PARTS, max_size=3)})
_IMAGES = st.fixed_dictionaries({"bytes": st.binary(), "path": st.none() | st.text()})
_SAMPLES = st.fixed_dictionaries(
    {
        "id": st.text(),
        "source": st.text(),
        "messages": st.lists(_MESSAGES, max_size=3),
        "images": st.lists(_IMAGES, max_size=3),
        "license": st.text(),
        "origin": st.fixed_dictionaries({"file": st.text(), "record": st.text()}),
        "extra": st.text(),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_SAMPLES, max_size=4))
def test_a_table_by_column_equals_one_by_row(samples: list[dict[str, Any]]) -> None:
    table = sample_table(samples)
    assert table.equals(pa.Table.from_pylist(samples, SAMPLE_SCHEMA), check_metadata=True)


def test_a_shard_of_many_groups_has_the_hash_of_its_file(tmp_path: Path) -> None:
    images = [{"bytes": bytes([n % 251]) * 90_000, "path": None} for n in range(350)]
    samples = [
        {
            "id": str(n),
            "source": "s",
            "messages": [],
            "images": [image],
            "license": "",
            "origin": {"file": "f", "record": str(n)},
            "extra": "{}",
        }
        for n, image in enumerate(images)
    ]
    url = str(tmp_path / "a.parquet")
    tables = (sample_table(samples[n : n + 70]) for n in range(0, 350, 70))
    shard = write_shard(url, tables, SAMPLE_SCHEMA)
    found = (tmp_path / "a.parquet").stat().st_size
    assert (shard.sha256, shard.size_bytes, shard.rows) == (file_sha256(url), found, 350)


def test_a_shard_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def tables() -> Any:
        yield sample_table([])
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_shard(str(tmp_path / "a.parquet"), tables(), SAMPLE_SCHEMA)
    assert list(tmp_path.iterdir()) == []


def draft(*turns: tuple[str, str], **fields: Any) -> Draft:
    return Draft(turns=tuple(Turn(user=user, assistant=said) for user, said in turns), **fields)


def test_empty_and_repeated_turns_are_left_out_and_counted() -> None:
    found = writable(draft(("a", "b"), ("a", "b"), ("", "b"), ("a", " "), ("a", "c")))
    assert isinstance(found, Draft)
    assert [(t.user, t.assistant) for t in found.turns] == [("a", "b"), ("a", "c")]
    assert found.notes == {"repeated_turn": 1, "empty_question": 1, "empty_answer": 1}


@pytest.mark.parametrize(
    "found",
    [
        draft(("a\ud800", "b")),
        draft(("a", "b"), extra={"x": "\udfff"}),
        draft(("a", "b"), extra={"x": {1, 2}}),
        Draft(parts=("\ud83d",)),
    ],
)
def test_what_cannot_be_written_is_a_reject(found: Draft) -> None:
    reject = writable(found)
    assert isinstance(reject, Reject) and reject.reason == "text_not_utf8"


def test_ids_are_printable_and_long_ones_stay_apart() -> None:
    assert id_part("a b\tc\u00a0d") == "a_b_c_d"
    one, other = id_part("x" * 300 + "1"), id_part("x" * 300 + "2")
    assert one != other and len(one) == len(other) == 200
