"""The recipes of the paper's stages: shares, and a run over raw trees in the official layouts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from cauldron.cli.main import app
from cauldron.demo.raw import write_raw
from cauldron.mixture.plan import plan
from cauldron.packaged import packaged
from cauldron.recipe import load_recipe, rules_of
from cauldron.sources.catalogue import form_named, source_names

STAGES = ("idefics2-pretrain-1", "idefics2-pretrain-2", "idefics2-sft", "idefics2-chat")
PAGES = {"ocr_idl", "pdfa", "rendered_text_pretrain"}


def path(name: str) -> str:
    return str(packaged("recipes") / f"{name}.yaml")


def shares(name: str) -> Counter[str]:
    """Return the share of interleaved documents, pairs and pages, with equal sizes everywhere."""
    told = load_recipe(path(name))
    units = ("samples", "turns", "images", "chars", "answer_tokens", "text_tokens")
    sizes = {entry.source: dict.fromkeys(units, 10**9) for entry in told.ingest}
    (stage,) = plan(told.mix, sizes)
    kinds: Counter[str] = Counter()
    for source in stage.sources:
        kind = "pages" if source.name in PAGES else "pairs"
        kinds["obelics" if source.name == "obelics" else kind] += source.share
    return kinds


def test_the_first_stage_is_documents_and_pairs() -> None:
    assert shares("idefics2-pretrain-1") == pytest.approx({"obelics": 0.7, "pairs": 0.3})


def test_the_second_stage_adds_pages() -> None:
    found = shares("idefics2-pretrain-2")
    assert found == pytest.approx({"obelics": 0.45, "pairs": 0.35, "pages": 0.2})


@pytest.mark.parametrize("name", STAGES)
def test_sources_options_and_rules_of_a_stage_are_known(name: str) -> None:
    told = load_recipe(path(name))
    assert rules_of(told, path(name)).rules
    for entry in told.ingest:
        assert entry.source in source_names()
        if entry.options:
            asked = {key: str(value) for key, value in entry.options.items()}
            form_named(entry.source, "official").read_options(asked)


@pytest.mark.parametrize("name", STAGES)
def test_pictures_of_benchmarks_are_left_out_of_pre_training(name: str) -> None:
    named = {entry.source for entry in load_recipe(path(name)).ingest}
    assert not named & {"coco_captions", "sbu_captions"}


@pytest.mark.parametrize("name", ["idefics2-pretrain-2", "idefics2-chat"])
def test_a_stage_runs_over_raw_trees(name: str, tmp_path: Path) -> None:
    told = yaml.safe_load(Path(path(name)).read_text())
    sources = [entry["source"] for entry in told["ingest"]]
    roots = write_raw(tmp_path / "raw", sources=sources, records=6)
    for entry in told["ingest"]:
        entry |= {"raw": roots[entry["source"]], "max_rejects": 0.8}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(told))
    asked = ["run", str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "work")]
    dry = CliRunner().invoke(app, [*asked, "--dry-run", "--json"])
    assert dry.exit_code == 0
    assert not any(step.get("problem") for step in orjson.loads(dry.stdout)["steps"])
    done = CliRunner().invoke(app, [*asked, "--workers", "1", "--json"])
    assert done.exit_code == 0, done.output
    manifest = orjson.loads((tmp_path / "work/mixture" / name / "manifest.json").read_bytes())
    assert {source["name"] for source in manifest["sources"]} == set(sources)
