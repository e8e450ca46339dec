"""What an answer must not depend on, measured on drawings by made-up children."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.inference.bundle import TRUNK
from app.training.evaluation.gate_check import check_gate
from app.training.evaluation.map_check import MEASURES
from app.training.evaluation.map_check import PENS as MAP_PENS
from app.training.evaluation.robustness import check_robustness
from app.training.gate import GateExamples
from app.training.recipe import GateRecipe, NormsRecipe, Recipe
from app.training.references import read_collections
from app.training.sheets import MARKS, PENS, SHEETS
from app.training.train import embed_references, gate_examples
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import write_collection
from tests.support.data.strokes import a_stroke_drawing

pytestmark = pytest.mark.training

RECIPE = Recipe(
    "test",
    norms=NormsRecipe(folds=5, workers=1),
    gate=GateRecipe(not_drawings=6, photographed=20, windows=2, simulated=20, painted=10),
)
CHILDREN = 80


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, GateExamples]:
    root = tmp_path_factory.mktemp("sets")
    write_collection(root / "made", children=CHILDREN, age_years=5.5)
    everything = read_collections(root)
    embedded = embed_references(BUNDLE / TRUNK, everything, RECIPE)
    return embedded, gate_examples(BUNDLE / TRUNK, embedded, everything, RECIPE)


@pytest.fixture(scope="module")
def robustness(fitted: tuple[Any, GateExamples]) -> dict[str, Any]:
    embedded, examples = fitted
    children = [d.child for d in embedded.drawings]
    strokes = [
        replace(a_stroke_drawing(category, 5.5, seed), child=children[seed])
        for seed, category in enumerate(("house", "cat", "fish"))
    ]
    return check_robustness(BUNDLE / TRUNK, embedded, examples, strokes, RECIPE)


def test_every_pen_sheet_and_mark_is_compared_with_the_plain_drawing(
    robustness: dict[str, Any],
) -> None:
    assert set(robustness["pens"]) == {"plain", *PENS, "pale pencil"}
    assert set(robustness["sheets"]) == {"plain", *SHEETS}
    assert set(robustness["marks"]) == set(robustness["empty_sheets"]) == {"plain", *MARKS}
    for section in ("pens", "sheets", "marks"):
        assert robustness[section]["plain"]["change"] == 0
        assert robustness[section]["plain"]["answered"] == 1


def test_the_map_is_judged_for_every_pair_of_pens(robustness: dict[str, Any]) -> None:
    assert set(robustness["map"]) == set(MAP_PENS)
    for measured in robustness["map"].values():
        assert set(measured) == set(MEASURES)


def test_a_gate_of_some_children_has_seen_no_photograph_of_the_others(
    fitted: tuple[Any, GateExamples],
) -> None:
    _, examples = fitted
    known = examples.child < CHILDREN // 2
    some = examples.of(known)
    assert set(some.child[some.photographed_of]) <= set(examples.child[known])
    kept = known[examples.photographed_of]
    assert np.array_equal(some.photographed, examples.photographed[kept])
    assert np.array_equal(
        some.own[some.photographed_of], examples.own[examples.photographed_of[kept]]
    )


def test_what_the_gate_refuses_is_a_share_of_each_kind(
    fitted: tuple[Any, GateExamples],
) -> None:
    embedded, examples = fitted
    found = check_gate(BUNDLE / TRUNK, embedded, examples, RECIPE, each=4)
    assert 0 <= found["real_drawings_refused"] < 0.2
    assert all(0 <= share <= 1 for share in found["refused"].values())
