"""The end of a run: counts and page are made again only where something changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cauldron.report.standing import summed_up
from cauldron.stats import work_stats
from cauldron.storage.files import read_json, write_json


def written(work: Path) -> int:
    return (work / "report" / "index.html").stat().st_mtime_ns


def test_a_folder_that_stands_as_it_did_is_not_read_again(work: Path) -> None:
    first = summed_up(str(work))
    before = written(work)
    assert summed_up(str(work)) == first
    assert written(work) == before
    assert first["stats"] == work_stats(str(work))


def removed(work: Path) -> None:
    next((work / "decisions").rglob("*.parquet")).unlink()


def told_otherwise(work: Path) -> None:
    url = str(next((work / "ledger").glob("*.json")))
    write_json(url, read_json(url) | {"settings": {"min_chars": 7}})


def lost_page(work: Path) -> None:
    (work / "report" / "index.html").unlink()


def damaged(work: Path) -> None:
    (work / "ledger" / "parts" / "report" / "standing.json").write_bytes(b"{")


@pytest.mark.parametrize("change", [removed, told_otherwise, lost_page, damaged])
def test_what_changed_is_counted_and_shown_again(
    work: Path, change: Callable[[Path], None]
) -> None:
    summed_up(str(work))
    before = written(work)
    change(work)
    assert summed_up(str(work))["stats"] == work_stats(str(work))
    assert written(work) != before
