from dataclasses import replace

import numpy as np
import pytest

from app.inference.bundle import TRUNK
from app.training.embed import Embedded, VariantRecipe, embed
from app.training.examples import Examples, make_examples
from app.training.fit import fit_norms
from app.training.recipe import TrunkRecipe
from app.training.references import (
    ReferenceDrawing,
    folds_by_child,
    read_collections,
    thin_cells,
    thin_warnings,
)
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import write_collection


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> list[ReferenceDrawing]:
    root = tmp_path_factory.mktemp("sets")
    write_collection(root / "made", children=24, age_years=5.5)
    return read_collections(root)


@pytest.fixture(scope="module")
def embedded(drawings: list[ReferenceDrawing]) -> Embedded:
    recipe = VariantRecipe(tuple(drawings[:5]), 1)
    return embed(BUNDLE / TRUNK, drawings, "drawings", 1, recipe)


@pytest.mark.training
def test_two_workers_measure_what_one_does(
    drawings: list[ReferenceDrawing], embedded: Embedded
) -> None:
    recipe = VariantRecipe(tuple(drawings[:5]), 1)
    again = embed(BUNDLE / TRUNK, drawings, "drawings", 2, recipe)
    assert (again.features == embedded.features).all()
    assert (again.variants == embedded.variants).all()


@pytest.mark.training
def test_variants_of_a_fold_change_nothing_in_its_calibration(embedded: Embedded) -> None:
    references = embedded.references()
    fold = folds_by_child(list(embedded.drawings), 4, 1)
    shifted = references.variants.copy()
    shifted[fold == 0] += 100
    before = fit_norms(references, fold)
    after = fit_norms(replace(references, variants=shifted), fold)
    here = before.unnamed.fold == 0
    was, now = before.unnamed.scores, after.unnamed.scores
    assert np.array_equal(was[here], now[here], equal_nan=True)
    assert not np.array_equal(was[~here], now[~here], equal_nan=True)


@pytest.mark.training
def test_what_each_reference_shows_is_recorded(embedded: Embedded) -> None:
    references = embedded.references()
    named = fit_norms(references, folds_by_child(list(embedded.drawings), 3, 1)).named
    assert (named.category == references.category[references.named]).all()


@pytest.mark.training
def test_thin_cells_are_told_in_sentences(embedded: Embedded) -> None:
    thin = thin_cells(embedded.references())
    assert thin["ages"] == {"5": 24}
    warnings = thin_warnings(thin)
    assert warnings
    assert all(warning.endswith(".") for warning in warnings)
    assert "36 more children" in warnings[0]


@pytest.mark.training
def test_a_rare_category_is_told_to_be_merged(
    drawings: list[ReferenceDrawing], embedded: Embedded
) -> None:
    rare = replace(embedded.drawings[0], category="comb")
    mixed = replace(embedded, drawings=(rare, *embedded.drawings[1:]))
    assert any(
        "comb" in warning and "Merging" in warning
        for warning in thin_warnings(thin_cells(mixed.references()))
    )


def test_examples_are_the_same_for_the_same_seed_on_any_number_of_workers() -> None:
    sheets = np.zeros((3, 120, 120), np.uint8)
    sheets[:, 30:90, 40:44] = 255
    sheets[:, 50:54, 20:100] = 255
    category = np.array([0, 1, 1])
    tracer = BUNDLE / TRUNK  # its strokes are all that is asked of it

    def made(seed: int, workers: int) -> Examples:
        recipe = TrunkRecipe(variants=4, workers=workers)
        return make_examples(sheets, category, tracer, recipe, seed)

    one, two = made(7, 1), made(7, 2)
    assert (one.strokes == two.strokes).all()
    assert (one.kind == two.kind).all()
    assert (one.foreign == two.foreign).all()
    assert (made(8, 1).strokes != one.strokes).any()
