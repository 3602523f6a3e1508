"""Every checksum and count of a mixture or a work folder is checked, and what is off is named."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import StorageError
from cauldron.mixture.manifest import read_manifest
from cauldron.mixture.verify import verify
from cauldron.sample import SAMPLE_SCHEMA, sample_table
from cauldron.storage import files, work
from cauldron.storage.shards import file_sha256, write_shard
from tests.mixtures import chat, written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of 5 samples of `a` in two shards, and 2 of `b` in one."""
    samples = {name: [chat(("q", name))] * count for name, count in (("a", 5), ("b", 2))}
    return Path(written(tmp_path_factory.mktemp("made"), samples, rows_per_shard=3)).parent


@pytest.fixture
def made(whole: Path, tmp_path: Path) -> Path:
    """The folder of a copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "m"))


def rewritten(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Change the manifest, given with its source `a`."""
    manifest = copy.deepcopy(read_manifest(str(folder)))
    change(manifest, manifest["sources"][0])
    files.write_json(str(folder / "manifest.json"), manifest)


def problem(folder: Path) -> str:
    """Return the one problem that is found, without the folder."""
    (found,) = verify(str(folder))
    return found.replace(f"{folder}/", "")


def test_a_whole_mixture_has_no_problem_wherever_it_is_named_from(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    for path in (str(made), f"{made}/manifest.json", "manifest.json", "."):
        assert verify(path) == []


def test_shards_that_are_lost_or_damaged_are_named(made: Path) -> None:
    shard = made / "shards" / "a-00001.parquet"
    held = shard.read_bytes()
    size = len(held)
    for payload, said in (
        (held[:-1], f"{size - 1} bytes, recorded {size}"),
        (held + b"x", f"{size + 1} bytes, recorded {size}"),
        (b"x" + held[1:], "content has changed (sha256 differs)"),
    ):
        shard.write_bytes(payload)
        assert problem(made) == f"shards/a-00001.parquet: {said}"
    shard.unlink()
    assert problem(made) == "shards/a-00001.parquet: missing"


def test_a_recorded_file_that_is_no_parquet_is_named(made: Path) -> None:
    shard = made / "shards" / "a-00000.parquet"
    shard.write_bytes(b"rubbish")

    def change(_: Any, a: dict[str, Any]) -> None:
        a["shards"][0] |= {"size_bytes": 7, "sha256": file_sha256(str(shard))}

    rewritten(made, change)
    assert problem(made).startswith("shards/a-00000.parquet: cannot read Parquet")


@pytest.mark.parametrize("by", [-1, 1])
def test_rows_are_compared_with_the_file_and_the_samples(made: Path, by: int) -> None:
    def change(_: Any, a: dict[str, Any]) -> None:
        a["shards"][1]["rows"] += by

    rewritten(made, change)
    assert [p.replace(f"{made}/", "") for p in verify(str(made))] == [
        f"shards/a-00001.parquet: 2 rows, recorded {2 + by}",
        f"a: shards hold {5 + by} rows, the manifest says 5",
    ]


def test_samples_held_out_are_counted_as_well(made: Path) -> None:
    def change(_: Any, a: dict[str, Any]) -> None:
        a["validation_shards"] = [a["shards"].pop()]
        a["samples"], a["validation"]["samples"] = 3, 4

    rewritten(made, change)
    assert problem(made) == "a: validation_shards hold 2 rows, the manifest says 4"


@pytest.mark.parametrize(("left_out", "fits"), [(2, True), (1, False), (3, False)])
def test_what_a_published_form_cannot_hold_is_in_no_shard(
    made: Path, left_out: int, fits: bool
) -> None:
    def change(manifest: dict[str, Any], a: dict[str, Any]) -> None:
        a["samples"], a["validation"]["samples"] = 6, 1
        manifest["published"] = {"form": "trl", "left_out": {"a": {"document": left_out}}}

    rewritten(made, change)
    told = f"a: shards hold 5 rows, the manifest says {7 - left_out}"
    assert verify(str(made)) == ([] if fits else [told])


@pytest.mark.parametrize("key", ["edits", "ids"])
def test_edits_and_ids_are_checked_like_shards(made: Path, key: str) -> None:
    def change(_: Any, a: dict[str, Any]) -> None:
        a[key] = [{**a["shards"][0], "url": f"{key}/a.parquet", "of": "x"}]
        if key == "ids":
            del a[key][0]["of"]

    rewritten(made, change)
    assert problem(made) == f"{key}/a.parquet: missing"
    (made / key).mkdir()
    shutil.copy(made / "shards" / "a-00000.parquet", made / key / "a.parquet")
    assert verify(str(made)) == []


def test_a_source_published_without_bytes_needs_all_shards_or_none(made: Path) -> None:
    def change(_: Any, a: dict[str, Any]) -> None:
        a["ids"] = [{**a["shards"][0], "url": "ids/a.parquet"}]

    rewritten(made, change)
    (made / "ids").mkdir()
    shutil.move(made / "shards" / "a-00000.parquet", made / "ids" / "a.parquet")
    assert problem(made) == "shards/a-00000.parquet: missing"
    (made / "shards" / "a-00001.parquet").unlink()
    assert verify(str(made)) == []


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A work folder with two parts of `x`, of 2 samples and 1."""
    place, parts = str(tmp_path / "work"), []
    for number, rows in enumerate((2, 1)):
        url = work.samples(place, "x", f"part-0000{number}")
        sample = {
            "id": "", "source": "x", "messages": [], "images": [], "license": "",
            "origin": {"file": "", "record": ""}, "extra": "{}",
        }  # fmt: skip
        shard = write_shard(url, [sample_table([sample] * rows)], SAMPLE_SCHEMA).as_dict()
        parts.append({**shard, "name": f"part-0000{number}"})
    counts = {"read": 6, "written": 3, "quarantined": 2, "skipped": 1}
    entry = {"source": "x", "split": "train", "status": "done", "parts": parts, "counts": counts}
    work.write_entry(work.ledger(place, "ingest-x-train"), entry)
    work.write_entry(work.ledger(place, "measure"), {"status": "begun"})
    return tmp_path / "work"


def entry_with(place: Path, **changes: Any) -> None:
    url = work.ledger(str(place), "ingest-x-train")
    files.write_json(url, files.read_json(url) | changes)


def test_a_whole_work_folder_has_no_problem(place: Path) -> None:
    assert verify(str(place)) == []


def test_what_holds_no_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no samples"):
        verify(str(tmp_path))


def test_parts_of_a_work_folder_are_checked_like_shards(place: Path) -> None:
    part = place / "samples" / "x" / "part-00001.parquet"
    part.write_bytes(part.read_bytes() + b"x")
    assert problem(place).startswith("samples/x/part-00001.parquet: ")


def test_an_ingest_that_did_not_end_is_named_and_no_more_of_it(place: Path) -> None:
    entry_with(place, status="running", parts=None, counts=None)
    assert verify(str(place)) == ["x/train: its ingest did not end; run it again"]


@pytest.mark.parametrize("count", ["read", "quarantined", "skipped"])
@pytest.mark.parametrize("by", [-1, 1])
def test_what_was_read_is_written_quarantined_or_skipped(place: Path, count: str, by: int) -> None:
    counts = {"read": 6, "written": 3, "quarantined": 2, "skipped": 1}
    entry_with(place, counts={**counts, count: counts[count] + by})
    assert verify(str(place)) == ["x/train: read is not written + quarantined + skipped"]


@pytest.mark.parametrize("by", [-1, 1])
def test_what_was_written_is_in_the_parts(place: Path, by: int) -> None:
    counts = {"read": 6 + by, "written": 3 + by, "quarantined": 2, "skipped": 1}
    entry_with(place, counts=counts)
    assert verify(str(place)) == [f"x/train: the parts do not hold {3 + by} samples"]


def test_the_mixtures_of_a_work_folder_are_checked_with_it(place: Path, made: Path) -> None:
    (place / "mixture" / "begun").mkdir(parents=True)
    shutil.copytree(made, place / "mixture" / "m")
    assert verify(str(place)) == []
    (place / "mixture" / "m" / "shards" / "b-00000.parquet").unlink()
    assert problem(place) == "mixture/m/shards/b-00000.parquet: missing"
