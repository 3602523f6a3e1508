"""bench-loader: figures of a real mixture, as JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cauldron.cli.main import app
from tests.mixtures import mixture

QUICK = ["--seconds", "0.2", "--step-ms", "50", "--row-tokens", "512", "--rows", "2"]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(mixture(tmp_path_factory.mktemp("bench"), counting=20, colours=30))


def test_figures_as_json(manifest: str) -> None:
    result = CliRunner().invoke(app, ["bench-loader", manifest, *QUICK, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["samples_per_s"] > 0 and found["images_per_s"] > 0
    assert 0.9 < found["packing_efficiency"] <= 1
    assert 0 <= found["wait_share"] < 1
    assert found["state_bytes"] < 1000 and found["anonymous_mb"] > 50
    assert found["samples"] == sum(own["samples"] for own in found["sources"].values())


def test_figures_as_a_table(manifest: str) -> None:
    result = CliRunner().invoke(app, ["bench-loader", str(Path(manifest).parent), *QUICK])
    assert result.exit_code == 0
    assert "packing_efficiency" in result.stdout and "docvqa" in result.stdout


def test_a_missing_manifest_is_a_storage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench-loader", str(tmp_path / "manifest.json")])
    assert result.exit_code == 4
