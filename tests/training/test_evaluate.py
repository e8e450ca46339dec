import json
from pathlib import Path

import numpy as np

from app.training.dataset import folds_by_child, norm_categories, read_collections, with_age
from app.training.embed import embed
from app.training.evaluate import LEVEL, score_held_out
from app.training.fit import fit_norms
from app.training.report import write_report
from tests.support.collections import write_collection
from tests.support.pictures import trunk


def test_children_the_norms_have_not_seen_are_flagged_about_as_often_as_promised(
    tmp_path: Path,
) -> None:
    write_collection(tmp_path / "made", children=160, age_years=5.5)
    drawings = with_age(read_collections(tmp_path))
    embedded = embed(trunk(), drawings, "drawings")
    references = embedded.references(norm_categories(drawings), 224)
    outer = folds_by_child(drawings, 2, 1)
    seen = [d for d, k in zip(drawings, outer, strict=True) if k == 0]
    fitted = fit_norms(references.some(outer == 0), folds_by_child(seen, 5, 1))
    held_out = score_held_out(fitted, references.some(outer == 1), 1)
    assert (held_out.p_values[:, -1] <= LEVEL).mean() < 0.12
    assert 0.35 < np.median(held_out.p_values[:, -1]) < 0.65
    assert (held_out.rank == 0).mean() > 0.9


def test_the_report_shows_every_measure_and_a_bar_for_each_bin(tmp_path: Path) -> None:
    measures = {"false_flags": {"mean": 0.05, "sd": 0.001}}
    evaluation = {
        "drawings": 10, "children": 5, "outer_folds": 5, "seeds": [1], "level": 0.05,
        "measures": measures, "histogram": [1.0] * 10,
    }  # fmt: skip
    write_report(tmp_path, evaluation)
    page = (tmp_path / "report.html").read_text()
    assert "false flags" in page
    assert page.count("<rect") == 10
    assert json.loads((tmp_path / "report.json").read_text()) == evaluation
