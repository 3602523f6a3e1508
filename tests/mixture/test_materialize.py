"""Kept rows of parts to shards of a fixed size, the same however they are cut into jobs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.curate.edits import Edit, Place, read_edits, write_changes
from cauldron.mixture import materialize
from cauldron.mixture.manifest import manifest_rows
from cauldron.mixture.materialize import (
    PartUrls,
    count_parts,
    shard_runs,
    split_part,
    write_selection,
    write_shards,
)
from cauldron.mixture.plan import SIZES
from cauldron.sample import SAMPLE_SCHEMA, content_hash, sample_table
from cauldron.storage import files, work
from cauldron.storage.shards import read_table, write_shard, write_table

SHARE, SEED = 0.3, 5
COLUMNS = list(SIZES.values())


def part(place: Path, number: int, keep: Sequence[bool], pictures: int = 1) -> PartUrls:
    """Write a part: row `r` has the sizes r + 1, r + 2 and so on, and as many pictures as told."""
    name, folder = f"part-0000{number}", str(place)
    ids = [f"x/train/{number}-{row}" for row in range(len(keep))]
    samples = [
        {
            "id": sample, "source": "x", "messages": [], "license": "", "extra": "{}",
            "images": [{"bytes": b"p", "path": None}] * pictures,
            "origin": {"file": "", "record": ""},
        }
        for sample in ids
    ]  # fmt: skip
    urls = (
        work.samples(folder, "x", name),
        work.signals(folder, "x", name),
        work.decisions(folder, "filter", "x", name),
    )
    write_shard(urls[0], [sample_table(samples)], SAMPLE_SCHEMA)
    hashes = [[f"p{row // 2}"] * pictures for row in range(len(keep))]
    sizes = {name: [row + k for row in range(len(keep))] for k, name in enumerate(COLUMNS, 1)}
    sizes["n_images"] = [pictures] * len(keep)
    texts = [f"t{number}-{row // 3}" for row in range(len(keep))]
    told = {"id": ids, "image_hash": hashes, "text_hash": texts, **sizes}
    write_table(urls[1], pa.table(told))
    out = [[0] if row == 1 and pictures else None for row in range(len(keep))]
    write_table(urls[2], pa.table({"keep": keep, "images": pa.array(out, pa.list_(pa.int32()))}))
    return urls[0], urls[1], (urls[2],)


KEEP = [[True, True, False, True, True], [True], [False, False], [True] * 7]


@pytest.fixture
def parts(tmp_path: Path) -> list[PartUrls]:
    """Four parts: 15 samples, of which 12 are kept; row 1 of each has lost its picture."""
    return [part(tmp_path, number, keep) for number, keep in enumerate(KEEP)]


def held_out(key: str) -> bool:
    return content_hash(SEED, "validation", key) < SHARE * 2**64


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_what_shares_a_picture_or_else_a_text_is_on_one_side(tmp_path: Path, pictures: int) -> None:
    keep = [row % 5 != 0 for row in range(40)]
    train, held, table = split_part(part(tmp_path, 0, keep, pictures), SEED, SHARE)
    keys = [f"p{row // 2}" if pictures else f"t0-{row // 3}" for row in range(40)]
    assert held.tolist() == [k and held_out(key) for k, key in zip(keep, keys, strict=True)]
    assert train.tolist() == [k and not held_out(key) for k, key in zip(keep, keys, strict=True)]
    assert table.num_rows == 40 and 0 < held.sum() < 20


def test_without_a_share_nothing_is_held_out(parts: list[PartUrls]) -> None:
    train, held, _ = split_part(parts[0], SEED, 0.0)
    assert (train.tolist(), held.any()) == (KEEP[0], False)


def test_both_sides_are_counted_with_what_edits_left(parts: list[PartUrls]) -> None:
    told = count_parts("x", parts, SEED, SHARE)
    sides = [
        [
            (number, row)
            for number, keep in enumerate(KEEP)
            for row, kept in enumerate(keep)
            if kept and held_out(f"p{row // 2}") == side
        ]
        for side in (False, True)
    ]
    assert all(sides)
    for key, rows in zip(("train", "validation"), sides, strict=True):
        want = {name: sum(r + k for _, r in rows) for k, name in enumerate(SIZES, 1)}
        want["images"] = sum(r != 1 for _, r in rows)
        assert told[key] == {"samples": len(rows), **want}
    counts = [[sum(n == number for n, _ in rows) for rows in sides] for number in range(len(KEEP))]
    assert (told["rows"], told["merged_from"]) == (counts, [])


def test_sources_that_were_merged_into_kept_samples_are_named(parts: list[PartUrls]) -> None:
    places = {row: Place(source, "part-00000", 0, "i") for row, source in enumerate("yxzw")}
    sizes = dict.fromkeys(COLUMNS, 1)
    edits = {row: (Edit(merged=(place,)), sizes) for row, place in places.items()}
    write_changes(parts[0][2][0], edits)
    assert count_parts("x", parts, SEED, 0.0)["merged_from"] == ["w", "y"], "row 2 is dropped"


ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=8)


@given(rows=ROWS, size=st.integers(1, 4), at_once=st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_runs_of_shards_cut_both_sides_without_a_gap(
    rows: list[tuple[int, int]], size: int, at_once: int
) -> None:
    parts: list[PartUrls] = [(str(n), "", ()) for n in range(len(rows))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(materialize, "ROWS_PER_SHARD", size)
        patch.setattr(materialize, "_SHARDS_AT_ONCE", at_once)
        runs = shard_runs(parts, rows)
        names = [[name for run in runs if run.side == k for name in run.names("x")] for k in (0, 1)]
    for side, kind in ((0, "shards"), (1, "validation")):
        lies_in = [n for n, told in enumerate(rows) for _ in range(told[side])]
        at = 0
        for run in (run for run in runs if run.side == side):
            own = lies_in[at : at + run.rows]
            assert own and run.rows <= size * at_once and run.first * size == at
            assert [url for url, _, _ in run.parts] == [str(n) for n in range(own[0], own[-1] + 1)]
            assert run.skip == at - lies_in.index(own[0])
            at += run.rows
        assert at == len(lies_in)
        assert names[side] == [f"{kind}/x-{n:05d}.parquet" for n in range(-(-at // size))]


def test_a_shard_holds_2000_rows_and_a_run_at_most_eight_shards() -> None:
    runs = shard_runs([("", "", ())], [(20_001, 0)])
    assert [run.rows for run in runs] == [16_000, 4001]
    assert [len(run.names("x")) for run in runs] == [8, 3]


@pytest.mark.parametrize(("size", "at_once"), [(1, 1), (1, 4), (2, 2), (3, 8), (5, 1), (100, 1)])
def test_shards_hold_the_rows_of_each_side_in_order(
    parts: list[PartUrls], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, at_once: int
) -> None:
    monkeypatch.setattr(materialize, "ROWS_PER_SHARD", size)
    monkeypatch.setattr(materialize, "_SHARDS_AT_ONCE", at_once)
    monkeypatch.setattr(materialize, "iter_batches", lambda url: read_table(url).to_batches(3))
    counted = count_parts("x", parts, SEED, SHARE)
    folder = str(tmp_path / "m")
    runs = shard_runs(parts, counted["rows"])
    told = [write_shards("x", str(tmp_path), run, folder, SEED, SHARE) for run in runs]
    for side in (0, 1):
        shards = [
            s for t, run in zip(told, runs, strict=True) if run.side == side for s in t["shards"]
        ]
        tables = [read_table(files.join(folder, shard["url"])) for shard in shards]
        masks = [split_part(urls, SEED, SHARE)[side] for urls in parts]
        wanted = [f"x/train/{n}-{row}" for n, m in enumerate(masks) for row in np.flatnonzero(m)]
        assert [i for table in tables for i in table["id"].to_pylist()] == wanted
        assert [s["rows"] for s in shards] == [len(w) for w in cut(wanted, size)]
        assert all("name" not in shard for shard in shards)
        pictures = [len(images) for table in tables for images in table["images"].to_pylist()]
        assert pictures == [0 if i.endswith("-1") else 1 for i in wanted]
    edits = {e["of"]: read_edits(files.join(folder, e["url"])) for t in told for e in t["edits"]}
    found = {f"{of}:{row}": edit.images for of, own in edits.items() for row, edit in own.items()}
    places = [
        f"{s['url']}:{row}"
        for t in told
        for s in t["shards"]
        for row, i in enumerate(read_table(files.join(folder, s["url"]))["id"].to_pylist())
        if i.endswith("-1")
    ]
    assert found == dict.fromkeys(places, (0,)) and len(places) == 2


def cut(values: list[str], size: int) -> list[list[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def test_a_selection_names_the_rows_of_each_side(parts: list[PartUrls], tmp_path: Path) -> None:
    folder = tmp_path / "mixture" / "m"
    told = write_selection("x", parts, str(folder), SEED, SHARE)
    source = {"name": "x", **{key: told[key] for key in ("shards", "validation_shards")}}
    assert [told[key][0]["url"] for key in materialize.SIDES] == [
        "selection/x-shards.parquet", "selection/x-validation.parquet"
    ]  # fmt: skip
    ((name, tables),) = manifest_rows({"sources": [source], "materialized": False}, str(folder))
    found = [
        (Path(url).name, row, i)
        for url, rows, ids in tables
        for row, i in zip(rows, ids, strict=True)
    ]
    masks = [split_part(urls, SEED, SHARE)[:2] for urls in parts]
    assert name == "x"
    assert found == [
        (f"part-0000{n}.parquet", row, f"x/train/{n}-{row}")
        for side in (0, 1)
        for n, sides in enumerate(masks)
        for row in np.flatnonzero(sides[side])
    ]
    assert [e["of"] for e in told["edits"]] == [f"samples/x/part-0000{n}.parquet" for n in (0, 3)]
    for edit in told["edits"]:
        assert list(read_edits(files.join(str(folder), edit["url"]))) == [1]


def test_the_parts_of_a_selection_are_found_in_its_work_folder(
    parts: list[PartUrls], tmp_path: Path
) -> None:
    folder = str(tmp_path / "mixture" / "m")
    told = write_selection("x", parts, folder, SEED, 0.0)
    ((_, tables),) = manifest_rows(
        {"sources": [{"name": "x", **told}], "materialized": False}, folder
    )
    urls = [url for url, group in itertools.groupby(url for url, _, _ in tables)]
    assert all(Path(url).is_file() for url in urls) and len(urls) == 3
