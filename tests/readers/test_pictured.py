"""Parquet rows that show the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.readers.pictured import open_pictured, pictured_rows
from cauldron.readers.raw import Raw, Row
from cauldron.sample import Reject

Cells = list[bytes | None]


def shard(folder: Path, name: str, left: Cells, right: Cells, path: str | None = None) -> None:
    cells = [[{"bytes": data, "path": path} for data in side] for side in (left, right)]
    table = pa.table({"left": cells[0], "right": cells[1], "n": list(range(len(left)))})
    pq.write_table(table, folder / name, row_group_size=3)


def listed(folder: Path) -> tuple[Raw, list[Row]]:
    raw = Raw([str(folder)])
    found = raw.find("train-*.parquet")
    return raw, list(pictured_rows(raw, found, "train", "nlvr2", ("left", "right")))


def told(folder: Path) -> list[tuple[str, bool]]:
    return [(row.data["shown"][1], row.data["first"]) for row in listed(folder)[1]]


def opened(raw: Raw, rows: list[Row]) -> list[Any]:
    return [row for each in rows for row in open_pictured("left", "right")(each, raw)]


def test_rows_with_equal_pictures_share_the_number_of_the_first(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [b"a", b"a", b"b", b"b", b"a"], [b"x"] * 5)
    places = [("0", True), ("0", False), ("2", True), ("2", False), ("0", False)]
    assert told(tmp_path) == places


def test_they_do_so_over_the_files_of_a_split(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [b"a"], [b"x"])
    shard(tmp_path, "train-1.parquet", [b"b", b"a"], [b"x", b"x"])
    rows = listed(tmp_path)[1]
    assert [row.data["shown"] for row in rows] == [
        ("train-0.parquet", "0"),
        ("train-1.parquet", "0"),
        ("train-0.parquet", "0"),
    ]


def test_both_pictures_count_and_so_does_their_order(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [b"a", b"a", b"b"], [b"b", b"c", b"a"])
    assert told(tmp_path) == [("0", True), ("1", True), ("2", True)]


def test_bytes_that_run_together_are_told_apart(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [b"ab", b"a"], [b"c", b"bc"])
    assert told(tmp_path) == [("0", True), ("1", True)]


def test_rows_without_a_picture_stand_alone(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [None, None], [b"x", b"x"])
    assert told(tmp_path) == [("0", True), ("1", True)]


def test_pictures_that_lie_beside_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [None, None], [None, None], path="a.png")
    shard(tmp_path, "train-1.parquet", [None], [None], path="b.png")
    assert told(tmp_path) == [("0", True), ("0", False), ("0", True)]


def test_cells_come_back_when_a_row_is_opened_in_any_order(tmp_path: Path) -> None:
    letters = [bytes([65 + n]) for n in range(8)]
    shard(tmp_path, "train-0.parquet", letters, [b"x"] * 8)
    shard(tmp_path, "train-1.parquet", [b"Z", b"A"], [b"x", b"x"])
    raw, rows = listed(tmp_path)
    order = [9, 3, 7, 0, 8, 1, 2]
    found = opened(raw, [rows[n] for n in order])
    assert [row.data["left"]["bytes"] for row in found] == [
        b"A", b"D", b"H", b"A", b"Z", b"B", b"C"
    ]  # fmt: skip
    assert [row.data["n"] for row in found] == [1, 3, 7, 0, 0, 1, 2]


def test_a_damaged_file_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1 not at all")
    (row,) = listed(tmp_path)[1]
    assert isinstance(row.data, Reject) and row.data.reason == "parquet_unreadable"


def test_a_file_that_is_cut_off_meanwhile_is_a_reject(tmp_path: Path) -> None:
    shard(tmp_path, "train-0.parquet", [b"a"], [b"x"])
    raw, rows = listed(tmp_path)
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1")
    assert [row.reason for row in opened(raw, rows)] == ["parquet_unreadable"]
