"""The schema of the manifest: the published file is the code's, and real manifests fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import cauldron.mixture
from cauldron.errors import StorageError
from cauldron.mixture.manifest import read_manifest
from cauldron.mixture.schema import manifest_schema
from tests.mixtures import chat, written

PUBLISHED = Path(cauldron.mixture.__file__).parent / "manifest.schema.json"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = {name: [chat(("q", name))] * 2 for name in ("a", "b")}
    return Path(written(tmp_path_factory.mktemp("m"), samples))


def test_the_published_schema_is_that_of_the_code() -> None:
    written = json.dumps(manifest_schema(), indent=2, sort_keys=True) + "\n"
    assert PUBLISHED.read_text() == written, "write manifest_schema() to manifest.schema.json"


def test_a_manifest_fits_the_published_schema(manifest: Path) -> None:
    schema = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(manifest.read_text()), schema)
    assert read_manifest(str(manifest))["name"] == "small"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order": None}, "order"),
        ({"sources": [{"name": "a"}]}, r"sources\.0\.samples"),
        ({"seed": "x"}, "seed"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_by_field(
    manifest: Path, tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    told = json.loads(manifest.read_text()) | change
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(told))
    with pytest.raises(StorageError, match=f"not a whole manifest: {field}"):
        read_manifest(str(path))
