"""CSV files: encodings, quotes, big fields, bad rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import SourceError
from cauldron.readers import csv_rows
from cauldron.readers.raw import Raw
from cauldron.sample import Reject


def rows(folder: Path, payload: bytes, **options: Any) -> list[Any]:
    (folder / "a.csv").write_bytes(payload)
    raw = Raw([str(folder)])
    return [r.data for r in csv_rows(raw, raw.find("a.csv")[0], "train", "s", **options)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path, "id,text\r\n7,Café\r\n".encode(encoding)) == [{"id": "7", "text": "Café"}]


def test_quotes_hold_commas_line_ends_and_quotes(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, b'id,text\n1,"a, ""b""\nc"\n')
    assert row == {"id": "1", "text": 'a, "b"\nc'}


def test_a_tsv_without_quoting_keeps_quotes(tmp_path: Path) -> None:
    assert rows(tmp_path, b'a\tb\n"x\ty"\n', delimiter="\t", quote="") == [{"a": '"x', "b": 'y"'}]


def test_an_escape_takes_the_meaning_from_a_quote(tmp_path: Path) -> None:
    assert rows(tmp_path, b'a,b\n"x\\"y",2\n', escape="\\") == [{"a": 'x"y', "b": "2"}]


def test_columns_can_be_named_where_there_is_no_head(tmp_path: Path) -> None:
    assert rows(tmp_path, b"1,2\n", columns=("a", "b")) == [{"a": "1", "b": "2"}]


def test_a_row_with_too_many_fields_is_a_reject(tmp_path: Path) -> None:
    good, bad = rows(tmp_path, b"a,b\n1\n1,2,3\n")
    assert good == {"a": "1", "b": ""}
    assert isinstance(bad, Reject) and bad.detail == "3 fields, 2 columns"


def test_a_field_of_a_megabyte_is_read(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, b"a\n" + b"x" * 1_000_000 + b"\n")
    assert len(row["a"]) == 1_000_000


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    assert len(rows(tmp_path, b"a,b\n\n1,2\n\n")) == 1


def test_an_empty_file_has_no_head(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no head row"):
        rows(tmp_path, b"")
