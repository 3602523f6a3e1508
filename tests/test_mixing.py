"""Mixing a work folder: weights without new shards, samples held out of every stage, tags."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from cauldron import mixing
from cauldron.cli.mix import say_epochs
from cauldron.engine.local import LocalEngine
from cauldron.errors import RecipeError, StorageError
from cauldron.loader.samples import Samples
from cauldron.mixture.diff import differences
from cauldron.mixture.manifest import order_of, read_manifest
from cauldron.mixture.schema import manifest_schema
from cauldron.mixture.settings import MixSettings
from cauldron.mixture.verify import verify
from cauldron.storage.index import index_url
from tests.mixtures import mixture


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A work folder with a mixture of two sources, `small`."""
    return str(mixture(tmp_path_factory.mktemp("m"), counting=40, colours=60).parents[2])


def mixed(work: str, name: str = "small", **settings: Any) -> dict[str, Any]:
    told = MixSettings.model_validate({"validation": {"share": 0.2}} | settings)
    with LocalEngine(0) as engine:
        return mixing.mix(engine, work, told, name=name, materialize=True)


def stamps(work: str) -> dict[str, int]:
    folder = Path(work) / "mixture" / "small"
    return {p.name: p.stat().st_mtime_ns for p in folder.rglob("*.parquet")}


def test_other_weights_write_no_shard_anew(work: str, tmp_path: Path) -> None:
    manifest = Path(work) / "mixture" / "small" / "manifest.json"
    (tmp_path / "manifest.json").write_bytes(manifest.read_bytes())
    before = stamps(work)
    mixed(work, weights={"docvqa": 0.9, "vqarad": 0.1})
    assert stamps(work) == before and verify(str(manifest)) == []
    changed = differences(str(tmp_path / "manifest.json"), str(manifest))["sources"]
    assert changed["docvqa"]["share"][1] == pytest.approx(0.9)
    assert not any("shards" in what for changes in changed.values() for what in changes)


def test_what_is_missing_is_written_again_or_named(work: str) -> None:
    shard = sorted((Path(work) / "mixture/small/shards").glob("docvqa-*.parquet"))[0]
    for lost in (shard, Path(index_url(str(shard)))):
        held = lost.read_bytes()
        lost.unlink()
        mixed(work)
        assert lost.read_bytes() == held
    part = Path(work) / "samples/docvqa/part-00000.parquet"
    part.rename(part.with_suffix(".away"))
    with pytest.raises(StorageError, match=r"docvqa/part-00000.parquet.*missing"):
        mixed(work)
    part.with_suffix(".away").rename(part)


def test_without_a_wish_shards_stay_and_none_are_written(work: str) -> None:
    told = MixSettings()
    with LocalEngine(0) as engine:
        for name, kind in (("small", "shards"), ("new", "selection")):
            mixing.mix(engine, work, told, name=name, materialize=None)
            assert (Path(work) / "mixture" / name / kind).is_dir()
            manifest = json.loads((Path(work) / "mixture" / name / "manifest.json").read_text())
            jsonschema.validate(manifest, manifest_schema())


def test_held_out_samples_are_in_no_stage(work: str) -> None:
    stages = [
        {"name": "one", "samples": 150, "weights": {"docvqa": 1}},
        {"name": "two", "samples": 100, "weights": {"vqarad": 1, "docvqa": 1}},
        {"name": "three"},
    ]
    mixed(work, "staged", stages=stages)
    with Samples(f"{work}/mixture/staged") as samples:
        held = {s["id"] for name in samples.names for s in samples.validation(name)}
        drawn = {d.sample["id"] for d in samples.stream(0, 700)}
        names = [name for name, _, _ in samples.drawn(range(150))]
    assert set(names) == {"docvqa"}
    assert len(held) > 10 and not held & drawn


def test_two_stages_draw_what_the_plan_says(work: str) -> None:
    stages = [{"name": "one", "tokens": 20_000}, {"name": "two", "samples": 200}]
    manifest = mixed(work, "budgets", stages=stages, weights={"docvqa": 3, "vqarad": 1})
    order = order_of(read_manifest(f"{work}/mixture/budgets"))
    first = manifest["stages"][0]
    source, _, _ = order.samples_at(np.arange(first["samples"]))
    drawn = {row["name"]: row["samples"] for row in first["sources"]}
    for number, name in enumerate(order.names):
        assert abs((source == number).sum() - drawn[name]) <= 1
    assert sum(row["tokens"] for row in first["sources"]) == pytest.approx(20_000)


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        ({"include": {"sources": ["docvqa"]}}, {"docvqa"}),
        ({"exclude": {"sources": ["docvqa"]}}, {"vqarad"}),
        ({"include": {"licenses": ["CC0-1.0"]}}, {"vqarad"}),
        ({"include": {"commercial_use": True}}, {"vqarad"}),
        ({"exclude": {"categories": ["Captioning"]}}, {"docvqa", "vqarad"}),
    ],
)
def test_tags_choose_sources_by_their_cards(work: str, tags: Any, left: set[str]) -> None:
    manifest = mixed(work, "tagged", validation={"share": 0.0}, **tags)
    assert {source["name"] for source in manifest["sources"]} == left


def test_tags_that_leave_nothing_are_refused(work: str) -> None:
    with pytest.raises(RecipeError, match="no source of the mixture has a sample"):
        mixed(work, "none", include={"sources": ["ai2d"]})


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"sources": ["vqarat"]}, "no source 'vqarat'; did you mean 'vqarad'?"),
        ({"categories": ["Chart understanding"]}, "no category 'Chart understanding'"),
        ({"licenses": ["CC0"]}, "no license 'CC0'"),
    ],
)
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_a_tag_that_names_nothing_is_refused(
    work: str, key: str, tags: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(RecipeError, match=re.escape(f"{key}: {said}")):
        mixed(work, "none", **{key: tags})


def test_epochs_and_what_is_never_seen_are_said(
    work: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = mixed(work, "few", samples=20, weights={"docvqa": 3, "vqarad": 1})
    say_epochs(manifest)
    size = next(s["samples"] for s in manifest["sources"] if s["name"] == "docvqa")
    said = capsys.readouterr().err
    assert f"docvqa: 75.00% of draws, {15 / size:.3g} epochs, {1 - 15 / size:.1%} never" in said
