"""A fault in a recipe is told with its line and key, also where a name or keys may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauldron.errors import RecipeError
from cauldron.recipe import load_recipe


@pytest.mark.parametrize(
    ("rules", "line", "told"),
    [
        ("\n  rules:\n    - {name: a, signal: charz, max: 3}", 5, "rules.rules.0.signal"),
        ("\n  rulez: []", 4, "unknown key 'rules.rulez'; did you mean 'rules'?"),
        (" 3", 3, "rules.str"),
    ],
)
def test_faults_in_rules_inside_a_recipe_have_line_and_key(
    tmp_path: Path, rules: str, line: int, told: str
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"schema_version: 1\nname: x\nrules:{rules}\n")
    with pytest.raises(RecipeError) as error:
        load_recipe(str(recipe))
    assert f"recipe.yaml:{line}" in str(error.value) and told in str(error.value)
