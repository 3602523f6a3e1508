"""Files that belong together: stems, tar shards, joined lists."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cauldron.readers import beside, open_tar_shard, paired, tar_shards
from cauldron.readers.raw import Raw, Row
from cauldron.sample import Reject


def shard(path: Path, files: list[tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, payload in files:
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return path


FILES = [("000.json", b"{}"), ("000.png", b"p0"), ("001.png", b"p1"), ("001.seg.json", b"[]")]


def opened(folder: Path) -> list[Any]:
    raw = Raw([str(folder)])
    shards = tar_shards(raw.find("*.tar", "*.tar.gz"), "train", "s")
    return [sample for row in shards for sample in open_tar_shard(row, raw)]


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz")])
def test_members_of_one_key_make_one_row(tmp_path: Path, name: str, mode: str) -> None:
    shard(tmp_path / name, FILES, mode)
    assert [(row.record, row.data) for row in opened(tmp_path)] == [
        ("000", {"json": b"{}", "png": b"p0"}),
        ("001", {"png": b"p1", "seg.json": b"[]"}),
    ]


def test_a_damaged_shard_gives_its_good_rows_and_a_reject(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", [(f"{n:03d}.bin", bytes(4_000)) for n in range(9)])
    path.write_bytes(path.read_bytes()[:20_000])
    *good, last = opened(tmp_path)
    assert [row.record for row in good] == ["000", "001", "002", "003"]
    assert isinstance(last, Reject) and last.reason == "archive_damaged"


def test_files_of_one_stem_make_one_row(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name in ("10.json", "10.png", "9.json", "9.png"):
        (tmp_path / "p" / name).write_bytes(name.encode())
    raw = Raw([str(tmp_path)])
    rows = list(beside(raw.find("p/*"), "train", "s"))
    assert [(row.file, row.record, sorted(row.data)) for row in rows] == [
        ("p", "9", ["json", "png"]),
        ("p", "10", ["json", "png"]),
    ]
    assert raw.read(rows[0].data["png"]) == b"9.png"


def listed(*numbers: int) -> list[Row]:
    return [
        Row(file="f", record=str(n), data={"id": n}, folder="", split="train", source="s")
        for n in numbers
    ]


def test_lists_are_joined_in_the_order_of_the_left_one() -> None:
    joined = paired(listed(1, 2, 3, 4), listed(2, 1, 4), lambda data: data["id"])
    assert [(a.record, b and b.record) for a, b in joined] == [
        ("1", "1"),
        ("2", "2"),
        ("3", None),
        ("4", "4"),
    ]


def test_lists_of_one_order_are_joined_as_streams() -> None:
    taken: list[int] = []

    def right() -> Any:
        for row in listed(*range(100)):
            taken.append(row.data["id"])
            yield row

    joined = paired(listed(*range(100)), right(), lambda data: data["id"])
    next(joined), next(joined)
    assert taken == [0, 1]
