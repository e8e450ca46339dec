"""The whole evaluation: a dictionary of numbers that the report shows and the JSON keeps."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import LEVEL
from app.training.evaluation.controls import controls
from app.training.evaluation.gate_check import check_gate
from app.training.evaluation.held_out import (
    OUTER,
    About,
    HeldOut,
    cross_validate,
    leave_each_set_out,
)
from app.training.evaluation.made import make
from app.training.evaluation.measures import (
    Measure,
    flags_by_level,
    histogram,
    measures,
    reliability,
)
from app.training.evaluation.robustness import check_robustness
from app.training.evaluation.statistics import auroc, interval_by_child, spearman
from app.training.recipe import Recipe
from app.training.references import read_collections
from app.training.sheets import read_strokes
from app.training.train import embed_references, gate_examples


def evaluate(
    data: Path,
    trunk: Path,
    recipe: Recipe,
    seeds: tuple[int, ...],
    strokes: Path | None = None,
) -> dict[str, Any]:
    """Evaluate the recipe on the sets in ``data`` with a trained trunk.

    ``strokes`` is a folder of some of these drawings by their strokes, to be drawn by other pens
    and on other sheets; without it that section is left out.
    """
    everything = read_collections(data)
    embedded = embed_references(trunk, everything, recipe)
    made = make(trunk, embedded.drawings, recipe.seed, recipe.norms.workers)
    about = About.of(embedded)
    examples = gate_examples(trunk, embedded, everything, recipe)
    runs = [cross_validate(embedded, made, recipe.norms.folds, seed) for seed in seeds]
    return {
        "drawings": len(embedded.drawings),
        "children": len(np.unique(about.child)),
        "outer_folds": OUTER,
        "seeds": list(seeds),
        "level": LEVEL,
        "categories": len(embedded.references().categories),
        "measures": _over_seeds(runs, about, measures(made)),
        "by_set": _by_set(runs, about, measures(made)),
        "histogram": np.mean([histogram(run.p_values[:, -1]) for run in runs], 0).tolist(),
        "calibration_curve": flags_by_level(np.concatenate([r.p_values[:, -1] for r in runs])),
        "reliability": reliability(runs[0], about),
        "ceilings": _ceilings(about),
        "controls": controls(embedded, made, seeds[0]),
        "gate": check_gate(trunk, embedded, examples, recipe),
        "robustness": strokes
        and check_robustness(trunk, embedded, examples, read_strokes(strokes), recipe),
        "leave_one_set_out": leave_each_set_out(embedded, made, recipe.norms.folds, seeds[0]),
    }


def _over_seeds(
    runs: list[HeldOut], about: About, named: dict[str, Measure]
) -> dict[str, dict[str, Any]]:
    """Mean and spread over seeds; the 95 % interval is over children, of the first seed."""
    first = runs[0]
    child = about.child[first.row]
    result = {}
    for name, measure in named.items():
        values = [measure(run, about) for run in runs]

        def over(rows: NDArray[np.intp], measure: Measure = measure) -> float:
            return measure(first.some(rows), about)

        result[name] = {
            "mean": round(float(np.mean(values)), 4),
            "sd": round(float(np.std(values)), 4),
            "interval": interval_by_child(over, child, seed=1),
        }
    return result


def _by_set(
    runs: list[HeldOut], about: About, named: dict[str, Measure]
) -> dict[str, dict[str, float]]:
    return {
        str(name): {
            key: round(
                float(np.mean([m(r.some(about.collection[r.row] == name), about) for r in runs])),
                4,
            )
            for key, m in named.items()
        }
        for name in np.unique(about.collection)
    }


def _ceilings(about: About) -> dict[str, dict[str, float]]:
    """What people reach who were asked what the same drawings show."""
    year = about.age_years.astype(int)
    return {
        str(name): {
            "recognised_by_people": round(float(np.nanmean(about.recognition[here])), 4),
            "age_8_against_4_auroc_of_recognition": round(
                auroc(about.recognition[here & (year == 4)], about.recognition[here & (year == 8)]),
                4,
            ),
            "age_agreement_of_recognition": round(
                spearman(about.age_years[here], about.recognition[here]), 4
            ),
        }
        for name in np.unique(about.collection)
        if not np.isnan(about.recognition[here := about.collection == name]).all()
    }
