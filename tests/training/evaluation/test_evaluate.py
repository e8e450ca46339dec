import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.inference.bundle import TRUNK
from app.training.embed import VariantRecipe, embed
from app.training.evaluation.held_out import About, HeldOut, score_unseen
from app.training.evaluation.made import KINDS, Made, make
from app.training.evaluation.measures import measures
from app.training.evaluation.report import write_report
from app.training.fit import fit_norms
from app.training.references import folds_by_child, read_collections, with_age
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import write_collection

pytestmark = pytest.mark.training

SHIPPED_REPORT = BUNDLE.parent / "docs" / "evaluation" / "report.json"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[HeldOut, About, Made]:
    """Half of the made-up children, judged by norms of the other half."""
    root = tmp_path_factory.mktemp("sets")
    write_collection(root / "made", children=128, age_years=5.5)
    drawings = with_age(read_collections(root))
    trunk = BUNDLE / TRUNK
    outer = folds_by_child(drawings, 2, 1)
    embedded = embed(trunk, drawings, "drawings", 1, VariantRecipe(tuple(drawings[:20]), 1))
    made = make(trunk, drawings, 1, 1)
    seen = [d for d, k in zip(drawings, outer, strict=True) if k == 0]
    references = embedded.references()
    fitted = fit_norms(references.some(outer == 0), folds_by_child(seen, 5, 1))
    held_out = score_unseen(fitted, references, np.flatnonzero(outer == 1), made, 1)
    return held_out, About.of(embedded), made


def measured(judged: tuple[HeldOut, About, Made], name: str) -> float:
    held_out, about, made = judged
    return measures(made)[name](held_out, about)


def test_children_the_norms_have_not_seen_are_flagged_about_as_often_as_promised(
    judged: tuple[HeldOut, About, Made],
) -> None:
    assert measured(judged, "false_flags") < 0.13
    assert 0.35 < np.median(judged[0].p_values[:, -1]) < 0.65


def test_something_is_said_to_stand_out_of_few_ordinary_drawings(
    judged: tuple[HeldOut, About, Made],
) -> None:
    assert measured(judged, "something_stands_out") < 0.13


def test_what_was_drawn_is_recognised(judged: tuple[HeldOut, About, Made]) -> None:
    assert measured(judged, "top_1") > 0.9
    assert measured(judged, "wrong_category_auroc") > 0.95


@pytest.mark.parametrize("kind", ["half", "scribble", "intruder", "upside_down"])
def test_spoilt_drawings_are_noticed(judged: tuple[HeldOut, About, Made], kind: str) -> None:
    assert measured(judged, f"{kind}_auroc") > 0.75


def test_the_map_ranks_an_intruders_ink_above_the_hosts(
    judged: tuple[HeldOut, About, Made],
) -> None:
    assert measured(judged, "map_auroc") > 0.7


def test_every_kind_is_made_of_every_drawing(judged: tuple[HeldOut, About, Made]) -> None:
    held_out, _, made = judged
    assert made.features.shape[1] == len(KINDS)
    assert np.isfinite(held_out.made[:, KINDS.index("half"), -1]).mean() > 0.95


@pytest.fixture
def evaluation() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SHIPPED_REPORT.read_text(encoding="utf-8"))
    return read


def test_the_report_shows_every_measure_and_a_bar_for_each_bin(
    tmp_path: Path, evaluation: dict[str, Any]
) -> None:
    write_report(tmp_path, evaluation)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<rect") == len(evaluation["histogram"])
    for name in evaluation["measures"]:
        assert name.replace("_", " ") in page
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == evaluation


def test_a_missed_target_is_called_missed(tmp_path: Path, evaluation: dict[str, Any]) -> None:
    evaluation["measures"]["half_auroc"]["mean"] = 0.5
    write_report(tmp_path, evaluation)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if "half erased (AUROC)" in line)
    assert "not reached" in row


def test_the_shipped_report_and_model_card_are_made_from_the_shipped_numbers(
    tmp_path: Path, evaluation: dict[str, Any]
) -> None:
    write_report(tmp_path, evaluation)
    for name in ("report.html", "model_card.md"):
        shipped = (SHIPPED_REPORT.parent / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == shipped
