"""Runs of Parquet rows that show the same picture."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.readers import parquet_groups
from cauldron.readers.raw import Raw, Row
from cauldron.readers.runs import open_parquet_runs
from cauldron.sample import Reject


def opened(folder: Path, left: list[bytes | None], right: list[bytes | None]) -> list[Row]:
    cells = [[{"bytes": data, "path": None} for data in side] for side in (left, right)]
    table = pa.table({"left": cells[0], "right": cells[1], "n": list(range(len(left)))})
    pq.write_table(table, folder / "train.parquet", row_group_size=3)
    raw = Raw([str(folder)])
    (found,) = raw.find("train.parquet")
    groups = parquet_groups(raw, found, "train", "nlvr2")
    rows = [row for group in groups for row in open_parquet_runs("left", "right")(group, raw)]
    assert all(isinstance(row, Row) for row in rows)
    return rows  # type: ignore[return-value]


def told(rows: list[Row]) -> list[tuple[str, bool]]:
    return [(row.data["run"], row.data["first"]) for row in rows]


def test_neighbours_with_equal_pictures_share_the_number_of_the_first(tmp_path: Path) -> None:
    rows = opened(tmp_path, [b"a", b"a", b"b", b"b", b"a"], [b"x", b"x", b"x", b"x", b"x"])
    assert told(rows) == [("0", True), ("0", False), ("2", True), ("2", False), ("4", True)]


def test_both_pictures_count_and_so_does_their_order(tmp_path: Path) -> None:
    rows = opened(tmp_path, [b"a", b"a", b"b"], [b"b", b"c", b"a"])
    assert told(rows) == [("0", True), ("1", True), ("2", True)]


def test_bytes_that_run_together_are_told_apart(tmp_path: Path) -> None:
    assert told(opened(tmp_path, [b"ab", b"a"], [b"c", b"bc"])) == [("0", True), ("1", True)]


def test_rows_without_a_picture_stand_alone(tmp_path: Path) -> None:
    assert told(opened(tmp_path, [None, None], [b"x", b"x"])) == [("0", True), ("1", True)]


def test_a_damaged_file_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1 not at all")
    raw = Raw([str(tmp_path)])
    (group,) = parquet_groups(raw, raw.find("train.parquet")[0], "train", "clevr")
    assert isinstance(group.data, Reject) and group.data.reason == "parquet_unreadable"
