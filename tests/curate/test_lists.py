"""Samples decided by hand stand before what rules decide."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cauldron.curate.lists import BLOCKED, Lists, read_ids, read_lists
from cauldron.errors import RecipeError

FRAME = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "keep": [True, False, True, False],
        "reason": ["", "short", "", "short"],
        "detail": ["", "chars min 3", "", "chars min 3"],
        "value": [None, 1.0, None, 2.0],
        "threshold": [None, 3.0, None, 3.0],
        "images": [None, None, [0], None],
    }
)


def test_a_list_decides_whatever_rules_say() -> None:
    lists = Lists(block=frozenset("cd"), allow=frozenset("bd"))
    found = lists.applied(FRAME)
    assert found["keep"].to_list() == [True, True, False, False]
    assert found["reason"].to_list() == ["", "", BLOCKED, BLOCKED]
    assert found["detail"].to_list() == ["", "allow list", "block list", "block list"]
    assert found["value"].to_list() == [None] * 4
    assert found["images"].to_list() == [None] * 4


def test_empty_lists_change_nothing_and_have_no_key() -> None:
    assert Lists().applied(FRAME).equals(FRAME)
    assert not Lists().key and Lists(block=frozenset("a")).key


def test_lists_are_read_with_remarks(tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("# by hand\na/1  # blurred\n\n a/2 \n")
    assert read_ids(str(tmp_path / "block.txt")) == {"a/1", "a/2"}
    assert read_ids(str(tmp_path / "absent.txt")) == frozenset()
    lists = read_lists([str(tmp_path / "block.txt")], [])
    assert lists.block == {"a/1", "a/2"}
    with pytest.raises(RecipeError, match="no allow list here"):
        read_lists([], [str(tmp_path / "allow.txt")])
