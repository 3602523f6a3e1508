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
from tests.mixtures import mixture

PUBLISHED = Path(cauldron.mixture.__file__).parent / "manifest.schema.json"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A manifest with shards and one without."""
    return [
        mixture(tmp_path_factory.mktemp("m"), counting=20, colours=20, materialize=kind)
        for kind in (True, False)
    ]


def test_the_published_schema_is_that_of_the_code() -> None:
    written = json.dumps(manifest_schema(), indent=2, sort_keys=True) + "\n"
    assert PUBLISHED.read_text() == written, "write manifest_schema() to manifest.schema.json"


def test_real_manifests_fit_the_published_schema(manifests: list[Path]) -> None:
    schema = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in manifests:
        jsonschema.validate(json.loads(path.read_text()), schema)
        assert read_manifest(str(path))["name"] == "small"


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
    manifests: list[Path], tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    told = json.loads(manifests[0].read_text()) | change
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(told))
    with pytest.raises(StorageError, match=f"not a whole manifest: {field}"):
        read_manifest(str(path))
