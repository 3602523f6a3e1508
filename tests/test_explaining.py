"""Reasons in words, schemas for editors, samples in notebooks."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from cauldron.errors import UsageError
from cauldron.explaining import explain_reason, known
from cauldron.notebook import manifest, samples
from cauldron.packaged import packaged
from cauldron.schemas import schema_of
from tests.mixtures import mixture


def test_every_known_reason_is_explained() -> None:
    for name in known():
        told = explain_reason(name)
        assert told["meaning"] or all(rule["signal"] for rule in told["rules"])


def test_an_unknown_reason_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'exact_duplicate'"):
        explain_reason("exact_duplicat")


@pytest.mark.parametrize("path", sorted(packaged("recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_fit_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), schema_of("recipe"))


def test_a_misspelt_key_does_not_fit_the_schema() -> None:
    with pytest.raises(jsonschema.ValidationError, match="ingst"):
        jsonschema.validate({"schema_version": 1, "name": "x", "ingst": []}, schema_of("recipe"))
    with pytest.raises(UsageError, match="no schema 'recip'; did you mean 'recipe'"):
        schema_of("recip")


def test_a_notebook_shows_samples_and_manifests_escaped(tmp_path: Path) -> None:
    path = mixture(tmp_path, 6, 4)
    table = manifest(str(path))._repr_html_()
    assert "<td>vqarad</td>" in table and "<td>docvqa</td>" in table
    for place in (str(path), str(tmp_path / "work")):
        shown = samples(place, "docvqa", n=2)
        assert len(shown) == 2
        assert shown._repr_html_().count("data:image/jpeg;base64,") == 2
    hostile = shown[0].sample
    hostile["messages"][0]["content"][-1]["text"] = "<script>x</script>"  # type: ignore[index]
    assert "<script>" not in shown[0]._repr_html_()
