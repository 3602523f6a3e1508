"""What a manifest says of its stages, what of it is read, and how two of them differ."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from cauldron.errors import StorageError
from cauldron.mixture.diff import differences
from cauldron.mixture.manifest import (
    build_manifest,
    folder_of,
    manifest_rows,
    order_of,
    read_manifest,
)
from cauldron.mixture.order import APART, Stage
from cauldron.mixture.plan import SIZES, plan
from cauldron.mixture.settings import MixSettings
from cauldron.storage import files
from tests.mixtures import chat, written


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of 7 samples of `a` in three shards, and 2 of `b` in one."""
    many = {"a": 7, "b": 2}
    samples = {name: [chat(("q", name))] * count for name, count in many.items()}
    return Path(written(tmp_path_factory.mktemp("made"), samples, rows_per_shard=3))


def changed(made: Path, folder: Path, **changes: Any) -> str:
    """Write the manifest with fields of its own changed; return its URL."""
    files.write_json(str(folder / "manifest.json"), files.read_json(str(made)) | changes)
    return str(folder / "manifest.json")


SHARD = {"rows": 1, "size_bytes": 1, "sha256": "0" * 64}


def of_two_stages() -> dict[str, Any]:
    """Return the manifest of: 4 of 8 samples of `a` first, then 6 of them and 2 of 16 of `b`."""
    sizes = {name: dict.fromkeys(("samples", *SIZES), n) for name, n in (("a", 8), ("b", 16))}
    told = MixSettings.model_validate(
        {
            "max_epochs": {"a": 1.25},
            "stages": [
                {"name": "one", "samples": 4, "weights": {"a": 1}},
                {"name": "two", "samples": 8, "weights": {"a": 9, "b": 1}},
            ],
        }
    )
    mixed = [
        {
            "source": name,
            "train": sizes.get(name, dict.fromkeys(sizes["a"], 0)),
            "validation": dict.fromkeys(sizes["a"], 1),
            "shards": [{**SHARD, "url": f"{kind}/{name}.parquet"}],
            "validation_shards": [],
            "edits": [],
            "merged_from": ["z"] if name == "b" else [],
        }
        for name, kind in (("a", "shards"), ("b", "shards"), ("held", "selection"))
    ]
    facts = {name: {"license": "MIT", "card": ""} for name in ("a", "b", "held")}
    return build_manifest("m", told, 5, None, "", plan(told, sizes), mixed, facts, [{"x": 1}])


def test_a_manifest_sums_a_source_over_all_stages() -> None:
    a, b, held = of_two_stages()["sources"]
    assert [s["weight"] for s in (a, b, held)] == pytest.approx([10 / 12, 2 / 12, 0])
    assert [s["epochs"] for s in (a, b, held)] == pytest.approx([1.25, 0.125, 0])
    assert [s["never_seen"] for s in (a, b, held)] == pytest.approx([0, 0.875, 1])
    assert [s["tokens_drawn"] for s in (a, b, held)] == [650, 130, 0]
    assert [s["limited_by"] for s in (a, b, held)] == ["max_epochs", "", ""]


def test_shares_of_a_source_are_those_of_the_first_stage() -> None:
    told = [(s["share_asked"], s["share"]) for s in of_two_stages()["sources"]]
    assert told == [(1, 1), (0, 0), (0, 0)]


def test_the_order_holds_the_sources_that_are_drawn_with_their_shares() -> None:
    manifest = of_two_stages()
    assert (manifest["order"]["names"], manifest["order"]["sizes"]) == (["a", "b"], [8, 16])
    first, last = manifest["order"]["stages"]
    assert (first["samples"], first["shares"]) == (4, [1, 0])
    assert last["samples"] is None and last["shares"] == pytest.approx([0.75, 0.25])


def test_a_manifest_tells_totals_and_what_shards_hold() -> None:
    manifest = of_two_stages()
    assert manifest["totals"] == dict.fromkeys(("samples", *SIZES), 24)
    assert (manifest["materialized"], manifest["ingest"]) == (False, [{"x": 1}])
    b = manifest["sources"][1]
    assert b["merged_from"] == ["z"] and "edits" not in b
    assert (b["shards"][0]["url"], b["validation"]["turns"]) == ("shards/b.parquet", 1)


def test_a_manifest_is_found_in_its_folder_and_its_folder_by_it(made: Path) -> None:
    assert read_manifest(str(made.parent)) == read_manifest(str(made))
    assert folder_of("s3://b/m/manifest.json") == folder_of("s3://b/m") == "s3://b/m"
    assert folder_of("manifest.json") == "."


def test_manifests_below_a_folder_are_told(made: Path, tmp_path: Path) -> None:
    inside = tmp_path / "work" / "mixture" / "one"
    shutil.copytree(made.parent, inside)
    for place in (tmp_path / "work", tmp_path / "work" / "mixture"):
        with pytest.raises(StorageError, match="cannot read") as raised:
            read_manifest(str(place))
        assert raised.value.hint == f"manifests are below it: {inside}"
    with pytest.raises(StorageError) as raised:
        read_manifest(str(tmp_path))
    assert raised.value.hint == ""


@pytest.mark.parametrize("value", [[], [1], {"sources": []}, None])
def test_what_is_no_manifest_is_refused(tmp_path: Path, value: Any) -> None:
    files.write_json(str(tmp_path / "manifest.json"), value)
    with pytest.raises(StorageError, match="not a manifest"):
        read_manifest(str(tmp_path))


def test_samples_of_a_newer_version_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="samples of version 2 is newer than 1"):
        read_manifest(changed(made, tmp_path, sample_schema_version=2))


def test_rows_are_told_shard_by_shard(made: Path) -> None:
    rows = {
        name: list(tables)
        for name, tables in manifest_rows(read_manifest(str(made)), str(made.parent))
    }
    urls = [f"{made.parent}/shards/a-0000{number}.parquet" for number in range(3)]
    assert [(url, places) for url, places, _ in rows["a"]] == [
        (urls[0], [0, 1, 2]), (urls[1], [0, 1, 2]), (urls[2], [0])
    ]  # fmt: skip
    assert [i for _, _, ids in rows["a"] for i in ids] == [f"a/train/{n}" for n in range(7)]
    assert rows["b"] == [
        (f"{made.parent}/shards/b-00000.parquet", [0, 1], ["b/train/0", "b/train/1"])
    ]


def test_the_order_of_a_manifest_is_whole(made: Path) -> None:
    manifest = read_manifest(str(made)) | {"seed": 3}
    order = order_of(manifest)
    assert (order.seed, order.names, order.sizes) == (3, ("a", "b"), (7, 2))
    assert order.stages == (Stage(shares=(7 / 9, 2 / 9), samples=None),)
    manifest["order"] |= {"algorithm": APART}
    assert order_of(manifest).algorithm == APART
    manifest["order"] |= {"algorithm": "shuffle"}
    with pytest.raises(StorageError, match="not known here: shuffle"):
        order_of(manifest)


def test_a_manifest_is_the_same_as_itself(made: Path) -> None:
    assert differences(str(made), str(made)) == {"same": True, "settings": {}, "sources": {}}


def test_settings_that_differ_are_told_before_and_after(made: Path, tmp_path: Path) -> None:
    other = changed(made, tmp_path, seed=4, unit="turns")
    told = {"seed": [0, 4], "unit": ["samples", "turns"]}
    assert differences(str(made), other) == {"same": False, "settings": told, "sources": {}}


def test_sources_that_came_and_went_are_told(made: Path, tmp_path: Path) -> None:
    less = changed(made, tmp_path, sources=read_manifest(str(made))["sources"][1:])
    gone, new = differences(str(made), less), differences(less, str(made))
    assert gone == {"same": False, "settings": {}, "sources": {"a": {"source": ["there", "gone"]}}}
    assert new["sources"] == {"a": {"source": ["absent", "new"]}}


def test_counts_and_shards_that_differ_are_told_of_either_side(made: Path, tmp_path: Path) -> None:
    sources = copy.deepcopy(read_manifest(str(made))["sources"])
    a, b = sources
    a["turns"] += 1
    a["validation"]["images"] = 5
    a["shards"] = a["shards"][1:]
    b["license"] = "MIT"
    b["validation_shards"] = [{**SHARD, "url": "validation/b.parquet"}]
    assert differences(str(made), changed(made, tmp_path, sources=sources))["sources"] == {
        "a": {"turns": [7, 8], "validation images": [0, 5], "shards only here": [1, 0]},
        "b": {"license": ["CC0-1.0", "MIT"], "validation_shards only here": [0, 1]},
    }
