"""What is compared is read where it lies, cut into cells and slices, and each pair judged once."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron.curate import pairing, pictures
from cauldron.curate.layout import ROW_BITS, Layout, by_hash, here, laid_out, row_of, tell
from cauldron.curate.pairing import Kind, detail_of, meet, put_pairs, values_of
from cauldron.curate.parts import PartFiles
from cauldron.curate.pictures import picture_bytes, pictures_of
from cauldron.sample import SAMPLE_SCHEMA, document_messages, sample_table
from cauldron.storage.shards import read_table, write_shard, write_table
from tests.conftest import picture


def part(folder: Path, number: int, pictures: list[list[bytes]], source: str = "x") -> PartFiles:
    """Write samples with these pictures, and signals with their ids."""
    rows = [
        {
            "id": f"{number}/{row}", "source": source, "messages": [], "license": "", "extra": "",
            "images": [{"bytes": data, "path": None} for data in images],
            "origin": {"file": "", "record": ""},
        }
        for row, images in enumerate(pictures)
    ]  # fmt: skip
    samples, signals = f"{folder}/{number}.parquet", f"{folder}/{number}-signals.parquet"
    write_shard(samples, [sample_table(rows)], SAMPLE_SCHEMA)
    write_table(signals, pa.table({"id": [row["id"] for row in rows]}))
    return files_of(source, str(number), samples, signals)


def files_of(source: str, name: str, samples: str, signals: str) -> PartFiles:
    return PartFiles(source=source, name=name, samples=samples, signals=signals, earlier=(), out="")


def named(part: PartFiles, rows: Any, index: Any) -> Any:
    """Yield what is compared here: part, row and number of the picture, two at a time."""
    told = [f"{part.name}/{row}/{k}".encode() for row, k in zip(rows, index, strict=True)]
    for start in range(0, len(told), 2):
        yield pa.array(told[start : start + 2], pa.large_binary())


@pytest.mark.parametrize("shift", [0, 16])
@pytest.mark.parametrize(("cell", "at_once"), [(1 << 40, 100), (1 << 40, 3), (500, 2), (250, 1)])
def test_every_pair_meets_what_it_is_told_by_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: int, cell: int, at_once: int
) -> None:
    monkeypatch.setattr(pairing, "_CELL_BYTES", cell)
    monkeypatch.setattr(pairing, "_CHUNK_BYTES", 11)
    parts = [part(tmp_path, number, [[b"p"]] * 9) for number in range(5)]
    groups = laid_out(parts, str(tmp_path / "scratch"), 45, parts_at_once=2)
    assert [g.number for g in groups] == [0, 1, 2] and groups[0].layout.groups == 3
    rng = np.random.default_rng(shift + at_once)
    nodes = (np.repeat(np.arange(5), 9) << ROW_BITS) + np.tile(np.arange(9), 5)
    numbers = np.sort(np.concatenate([(nodes << shift) + k for k in range(2 if shift else 1)]))
    pairs = {tuple(sorted(rng.choice(numbers, 2, replace=False).tolist())) for _ in range(60)}
    a, b = np.array(sorted(pairs)).T
    drawn = (a + b) % 3 == 0
    chunks = [(a[:40], b[:40], drawn[:40]), (a[30:], b[30:], drawn[30:])]
    told = [put_pairs(groups[0].layout, "s", n, [chunk]) for n, chunk in enumerate(chunks)]
    assert [t["pairs"] for t in told] == [40, len(a) - 30]
    assert told[0]["numbers"] == len(set(a[:40]) | set(b[:40]))
    kind = Kind(fetch=named, row_bytes=10, at_once=at_once, shift=shift)
    meeting = meet(groups, kind, "s", told, here)
    side = -(-2 * sum(t["numbers"] for t in told) * 10 // cell)
    assert meeting.side == min(max(side, 1), 64)
    found = {}
    for share in meeting.shares:
        one = meeting.cell(share)
        for few in one.blocks(2):
            assert len(few.a) <= 2
            for k in range(len(few.a)):
                key = int(few.a[k]), int(few.b[k])
                assert key not in found
                names = [few.held[int(at[k])].as_py().decode() for at in (few.left, few.right)]
                found[key] = (bool(few.drawn[k]), *names)

    def name(number: int) -> str:
        node = number >> shift
        return f"{node >> ROW_BITS}/{row_of(np.int64(node))}/{number & ((1 << shift) - 1)}"

    wanted = zip(a.tolist(), b.tolist(), drawn.tolist(), strict=True)
    assert found == {(x, y): (d, name(x), name(y)) for x, y, d in wanted}


def test_pairs_without_a_verdict_are_not_drawn(tmp_path: Path) -> None:
    layout = Layout(scratch=str(tmp_path), sources=("x",), groups=1, parts_at_once=16, rows=9)
    assert put_pairs(layout, "s", 0, []) == {"pairs": 0, "numbers": 0}
    one = np.array([1, 2]), np.array([2, 5]), None
    assert put_pairs(layout, "s", 0, [one, one]) == {"pairs": 4, "numbers": 6}
    table = pa.ipc.open_file(layout.url("s", 0)).read_all()
    assert table["drawn"].to_pylist() == [False] * 4 and table["a"].to_pylist() == [1, 2, 1, 2]


def test_values_lie_one_behind_the_other() -> None:
    held = pa.array([b"ab", b"", b"cde", b"f"], pa.large_binary())
    assert bytes(values_of(held)) == b"abcdef"
    assert bytes(values_of(held.slice(2, 1))) == b"cde"
    assert len(values_of(held.slice(1, 0))) == 0


def test_a_detail_is_held_with_its_height_and_a_damaged_picture_has_none() -> None:
    for data, shape in ((picture(), (48, 64)), (b"rubbish", None), (b"", None)):
        held = pa.array([pairing._detail(data)], pa.large_binary())[0]
        found = detail_of(held)
        assert (found.shape if found is not None else None) == shape


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_pictures_are_read_from_where_they_lie(tmp_path: Path, compression: str) -> None:
    given = [[f"{row}-{k}".encode() for k in range(row % 4)] for row in range(30)]
    made = part(tmp_path, 0, given)
    url = made.samples
    if compression == "zstd":
        table = read_table(url)
        url = str(tmp_path / "z.parquet")
        pq.write_table(table, url, compression="zstd", row_group_size=7)
    asked = [(row, k) for row in (1, 3, 3, 6, 14, 15, 27, 29) for k in range(row % 4)][::2]
    rows, index = (np.array(side) for side in zip(*asked, strict=True))
    found = [bytes(data) for data in picture_bytes(url, rows, index)]
    assert found == [given[row][k] for row, k in asked]


def test_texts_are_read_a_row_group_at_a_time(tmp_path: Path) -> None:
    rows = [
        {
            "id": "", "source": "x", "messages": document_messages((f"text {n} é",)), "images": [],
            "license": "", "extra": "", "origin": {"file": "", "record": ""},
        }
        for n in range(20)
    ]  # fmt: skip
    one = files_of("x", "0", f"{tmp_path}/0.parquet", "")
    pq.write_table(sample_table(rows), one.samples, row_group_size=3)
    wanted = np.array([0, 2, 3, 9, 10, 11, 19])
    found = list(pairing._texts(one, wanted, wanted * 0))
    told = [value.decode() for slice_ in found for value in slice_.to_pylist()]
    assert told == [f"text {n} é" for n in wanted] and len(found) == 4


def test_each_readable_picture_counts_once_where_it_stands_first() -> None:
    frame = pl.DataFrame(
        {
            "part": [1, 0, 0],
            "row": [0, 5, 2],
            "image_hash": [["a", "b"], ["", "c", "a"], ["c", "", "d", "d"]],
        }
    )
    found = pictures_of(frame).select("image_hash", "part", "row", "index").rows()
    assert found == [("c", 0, 2, 0), ("d", 0, 2, 2), ("a", 0, 5, 2), ("b", 1, 0, 1)]


def test_looks_that_were_not_measured_are_blank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_ROWS", 2)
    looks = [[bytes([9 * row + k]) * 4224 for k in range(row % 3)] for row in range(9)]
    looks[4][0], looks[5][1] = None, b"short"  # type: ignore[call-overload]
    one = files_of("x", "0", "", f"{tmp_path}/s.parquet")
    write_table(one.signals, pa.table({"image_thumb": pa.array(looks, pa.list_(pa.binary()))}))
    places = [(row, k) for row in range(9) for k in range(row % 3)]
    frame = pl.DataFrame(
        {"part": [0] * len(places), "row": [r for r, _ in places], "index": [k for _, k in places]}
    )
    made, there = pictures.load_looks([one], frame)
    for number, (row, k) in enumerate(places):
        bad = (row, k) in ((4, 0), (5, 1))
        assert there[number] == (not bad)
        assert (made[number] == (0 if bad else 9 * row + k)).all()


def test_nodes_tell_part_and_row_and_lie_in_groups(tmp_path: Path) -> None:
    parts = [part(tmp_path, n, [[]] * (n + 1), "y" if n else "x") for n in range(5)]
    groups = laid_out(parts, str(tmp_path / "s"), 15, parts_at_once=2)
    layout = groups[0].layout
    assert (layout.sources, [len(g.parts) for g in groups]) == (("x", "y"), [2, 2, 1])
    nodes = np.array([0, 1 << ROW_BITS, (1 << ROW_BITS) + 1, 2 << ROW_BITS, (4 << ROW_BITS) + 4])
    assert layout.group_of(nodes).tolist() == [0, 0, 0, 1, 2] and row_of(nodes).tolist() == [
        0,
        0,
        1,
        0,
        4,
    ]
    assert [(p.name, low, high) for p, low, high in groups[0].named(nodes)] == [
        ("0", 0, 1),
        ("1", 1, 3),
    ]
    assert [(p.name, low, high) for p, low, high in groups[2].named(nodes << 16, 16)] == [
        ("4", 4, 5)
    ]
    frames = list(groups[1].rows(["id"]))
    assert frames[0].rows() == [(f"2/{r}", (2 << ROW_BITS) + r, "y", 1) for r in range(3)]
    tell(layout, "gone", {"node": nodes}, pa.schema([("node", pa.int64())]), layout.group_of(nodes))
    left = [
        frame["id"].to_list()
        for group in groups
        for frame in dataclasses.replace(group, gone="gone").rows(["id"])
    ]
    wanted = [[], [], ["2/1", "2/2"], [f"3/{r}" for r in range(4)], [f"4/{r}" for r in range(4)]]
    assert left == wanted


def test_groups_and_partitions_follow_from_how_much_there_is() -> None:
    def cut(parts: int, at_once: int = 0) -> tuple[int, int, int]:
        one = files_of("x", "0", "", "")
        groups = laid_out([one] * parts, "s", 1, at_once)
        return len(groups), groups[0].layout.parts_at_once, len(groups[-1].parts)

    assert [cut(n) for n in (0, 1, 16, 17)] == [(1, 16, 0), (1, 16, 1), (1, 16, 16), (2, 16, 1)]
    assert cut(20_000) == (1000, 20, 20) and cut(5, 2) == (3, 2, 1)

    def partitions(rows: int) -> int:
        layout = Layout(scratch="", sources=(), groups=1, parts_at_once=1, rows=rows)
        return layout.partitions(64)

    assert [partitions(n) for n in (0, 1, 1 << 20, (1 << 20) + 1)] == [1, 1, 1, 2]
    assert partitions(1 << 40) == 1024


def test_keys_are_parted_by_their_first_digits() -> None:
    keys = pl.Series(["0000ff", "0001", "00ff|x", "ffff", "", "zz"])
    assert by_hash(keys, 7).tolist() == [0, 1, 255 % 7, 65535 % 7, 0, 0]
    assert by_hash(keys, 1).tolist() == [0] * 6


def test_runs_are_cut_where_bytes_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_CHUNK_BYTES", 10)
    sizes = np.array([3, 3, 3, 3, 20, 1, 1])
    runs = list(pairing._runs(sizes))
    assert list(itertools.chain.from_iterable(range(*run) for run in runs)) == list(range(7))
    assert runs == [(0, 3), (3, 4), (4, 7)]
