from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.training.recipe import Recipe
from tests.support.data.bundles import BUNDLE


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_what_a_recipe_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    recipe = Recipe.read(written(tmp_path, "seed = 4\n[norms]\nfolds = 7\n"))
    assert (recipe.seed, recipe.norms.folds, recipe.trunk) == (4, 7, Recipe().trunk)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("sed = 1", "sed", id="a misspelt name"),
        pytest.param("[norms]\nfold = 3", "fold", id="a misspelt name in a table"),
        pytest.param("seed = 'one'", "type int", id="a word for a number"),
        pytest.param("seed = true", "type int", id="a truth for a number"),
        pytest.param("norms = 3", "must be a table", id="a number for a table"),
        pytest.param("seed = ", "no TOML", id="no TOML"),
    ],
)
def test_a_mistake_in_a_recipe_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Recipe.read(written(tmp_path, text))


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Recipe.read(tmp_path / "none.toml")


def test_the_recipe_in_the_documentation_is_the_default_one() -> None:
    shipped = Recipe.read(BUNDLE.parent / "docs" / "recipe.toml")
    assert replace(shipped, version="unnamed") == Recipe()
