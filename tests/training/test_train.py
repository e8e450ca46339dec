from pathlib import Path

import numpy as np
import pytest

from app.inference import self_test
from app.inference.analyzer import BundleAnalyzer
from app.inference.bundle import TRUNK, Bundle
from app.scoring.assessment import Verdict
from app.training.recipe import GateRecipe, NormsRecipe, Recipe
from app.training.references import folds_by_child, read_collections
from app.training.train import train
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import a_picture, as_bytes, write_collection

pytestmark = pytest.mark.training

RECIPE = Recipe(
    "test",
    norms=NormsRecipe(folds=5, workers=1),
    gate=GateRecipe(not_drawings=6, photographed=40, windows=2),
)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic drawings by 66 made-up five-year-olds and a few eight-year-olds."""
    root = tmp_path_factory.mktemp("sets") / "made"
    write_collection(root, children=66, age_years=5.5)
    write_collection(root, children=5, age_years=8.0, first=66)
    return root.parent


@pytest.fixture(scope="module")
def bundle(collection: Path) -> Path:
    out = collection.parent / "bundle"
    train(collection, out, BUNDLE / TRUNK, RECIPE)
    return out


def test_a_bundle_trained_on_a_folder_analyses_its_own_kind(bundle: Path) -> None:
    analyzer = BundleAnalyzer.open(bundle)
    answer = analyzer.analyze(as_bytes(a_picture("fish", 5.5, 4)), 5.5, "fish").assessment
    assert answer.verdict is Verdict.DRAWING
    assert answer.norm.children == 66
    assert answer.categories[0].name == "fish"


def test_a_bundle_is_trained_with_a_self_test_that_it_passes(bundle: Path) -> None:
    self_test.check(Bundle.open(bundle))


def test_an_age_of_few_children_has_no_norm_in_it(bundle: Path) -> None:
    analyzer = BundleAnalyzer.open(bundle)
    answer = analyzer.analyze(as_bytes(a_picture("fish", 8, 4)), 8.0, "fish").assessment
    assert answer.verdict is Verdict.NO_NORM


def test_training_twice_gives_the_same_bytes(collection: Path, bundle: Path) -> None:
    again = collection.parent / "again"
    train(collection, again, BUNDLE / TRUNK, RECIPE)
    assert (again / "norms.npz").read_bytes() == (bundle / "norms.npz").read_bytes()


def test_no_child_is_in_two_folds(collection: Path) -> None:
    drawings = read_collections(collection)
    fold = folds_by_child(drawings, 5, 1)
    for child in {d.child for d in drawings}:
        assert len({int(f) for f, d in zip(fold, drawings, strict=True) if d.child == child}) == 1
    assert np.bincount(fold).min() > 0
