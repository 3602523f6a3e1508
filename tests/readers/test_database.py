"""SQLite files: rows in the order of the table, nothing that is in the file is run."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cauldron.readers import sqlite_rows
from cauldron.readers.raw import Raw
from cauldron.sample import Reject


def made(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


def read(path: Path) -> list[tuple[str, Any]]:
    raw = Raw([str(path.parent)])
    (found,) = raw.find(path.name)
    return [(r.record, r.data) for r in sqlite_rows(raw, found, "train", "x", "t", ("a", "b"))]


FILLED = "INSERT INTO t VALUES (2, 'two'), (1, x'ff41')"


def test_rows_are_texts_and_a_missing_column_is_empty(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE t (c, a)", FILLED)
    assert read(path) == [("1", {"a": "two", "b": ""}), ("2", {"a": "b'\\xffA'", "b": ""})]


def test_the_file_is_not_written(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE t (a, b)")
    before = path.read_bytes()
    assert read(path) == []
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE other (a)",),
        ("CREATE TABLE s (a)", "CREATE VIEW t AS SELECT a, a AS b FROM s"),
    ],
    ids=["no_table", "view"],
)
def test_what_is_no_table_is_rejected(statements: tuple[str, ...], tmp_path: Path) -> None:
    ((_, data),) = read(made(tmp_path / "x.db", *statements))
    assert data == Reject(reason="database_unreadable", detail="no table t")


def test_a_damaged_file_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    many = "INSERT INTO t WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n LIMIT 99)"
    many += " SELECT 'row', printf('%900s', k) FROM n"
    path = made(tmp_path / "x.db", "CREATE TABLE t (a, b)", many)
    path.write_bytes(path.read_bytes()[:40_000] + b"\xee" * 20_000)
    *good, (_, last) = read(path)
    assert isinstance(last, Reject)
    assert last.reason == "database_unreadable"
    assert all(data["a"] == "row" for _, data in good)


def test_no_database_at_all_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"<html>not found</html>" * 99)
    ((_, data),) = read(tmp_path / "x.db")
    assert data.reason == "database_unreadable"
