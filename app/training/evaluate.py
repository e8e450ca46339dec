"""Cross-validation by child: are the p-values of children it has not seen uniform?

Each outer fold is scored by norms fitted and calibrated on the others only, exactly as a bundle is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.inference.trunk import Trunk
from app.scoring.assessment import TERMS
from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.nonconformity import nonconformity_scores
from app.scoring.norms import FloatArray
from app.training.dataset import folds_by_child, norm_categories, read_collections, with_age
from app.training.embed import embed
from app.training.fit import FittedNorms, IntArray, References, fit_norms

LEVEL = 0.05
BINS = 10
_OUTER = 5


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What norms said of drawings of children they had not seen; one row a drawing."""

    p_values: FloatArray
    year: IntArray
    child: IntArray
    wrong_margin: FloatArray
    margin: FloatArray
    rank: IntArray
    age_error: FloatArray


def evaluate(data: Path, trunk: Path, folds: int, seeds: tuple[int, ...]) -> dict[str, Any]:
    """Evaluate the recipe on the sets in ``data``; the means over seeds and their spread."""
    aged = with_age(read_collections(data))
    embedded = embed(Trunk(trunk), aged, "Drawings with an age")
    deep = 2 * embedded.patches[0].shape[1]
    references = embedded.references(norm_categories(aged), deep)
    drawings = list(embedded.drawings)

    def split(member: FloatArray, count: int, seed: int) -> IntArray:
        return folds_by_child([drawings[i] for i in np.flatnonzero(member)], count, seed)

    runs = [_run(references, split, folds, seed) for seed in seeds]
    return {
        "drawings": len(drawings),
        "children": len(np.unique(references.child)),
        "outer_folds": _OUTER,
        "seeds": list(seeds),
        "level": LEVEL,
        "measures": {name: _spread([run[name] for run in runs]) for name in runs[0] if name != "p"},
        "histogram": np.mean([np.histogram(r["p"], BINS, (0, 1))[0] for r in runs], 0).tolist(),
    }


Split = Callable[[Any, int, int], IntArray]


def _run(references: References, split: Split, folds: int, seed: int) -> dict[str, Any]:
    everything = np.ones(len(references.child), bool)
    outer = split(everything, _OUTER, seed)
    parts = []
    for k in range(_OUTER):
        fitted = fit_norms(references.some(outer != k), split(outer != k, folds, seed + 100))
        parts.append(score_held_out(fitted, references.some(outer == k), seed))
    return _measures(parts)


def score_held_out(fitted: FittedNorms, unseen: References, seed: int) -> HeldOut:
    """Score drawings with a norm category and an age that has norms."""
    rng = np.random.default_rng(seed)
    groups = {int(y): fitted.named.group(int(y)) for y in np.unique(unseen.age_years.astype(int))}
    rows: list[tuple[Any, ...]] = []
    for x, age, place, child in zip(
        unseen.features, unseen.age_years, unseen.category, unseen.child, strict=True
    ):
        group = groups[int(age)]
        if place < 0 or group.children < MINIMUM_CHILDREN:
            continue
        wrong = int(rng.choice(np.delete(np.arange(len(unseen.categories)), place)))
        right_scores, wrong_scores = (
            np.stack([nonconformity_scores(f, x, float(age), c) for f in fitted.folds])
            for c in (int(place), wrong)
        )
        likely = np.mean(
            [f.category.log_probabilities(f.standardise(x)) for f in fitted.folds], axis=0
        )
        years = np.mean([f.age.predict(f.standardise(x)) for f in fitted.folds])
        rows.append(
            (
                group.p_values(right_scores), int(age), child, wrong_scores.mean(0)[3],
                right_scores.mean(0)[3], int((likely > likely[place]).sum()), abs(years - age),
            )
        )  # fmt: skip
    return HeldOut(*(np.array(column) for column in zip(*rows, strict=True)))


def _measures(parts: list[HeldOut]) -> dict[str, Any]:
    p = np.concatenate([part.p_values for part in parts])
    year = np.concatenate([part.year for part in parts])
    rank = np.concatenate([part.rank for part in parts])
    margins = [
        np.concatenate([getattr(part, m) for part in parts]) for m in ("wrong_margin", "margin")
    ]
    flagged = p <= LEVEL
    return {
        "false_flags": float(flagged[:, -1].mean()),
        **{f"false_flags_age_{y}": float(flagged[year == y, -1].mean()) for y in np.unique(year)},
        **{f"false_flags_{t}": float(flagged[:, i].mean()) for i, t in enumerate(TERMS)},
        "wrong_category_auroc": auroc(margins[1], margins[0]),
        "top_1": float((rank == 0).mean()),
        "top_5": float((rank < 5).mean()),
        "age_mean_absolute_error": float(np.concatenate([part.age_error for part in parts]).mean()),
        "p": p[:, -1],
    }


def auroc(usual: FloatArray, unusual: FloatArray) -> float:
    """Chance that an unusual value exceeds a usual one, ties counting half."""
    order = np.sort(usual)
    below, upto = np.searchsorted(order, unusual), np.searchsorted(order, unusual, side="right")
    return float((below + upto).mean() / (2 * len(usual)))


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 4), "sd": round(float(np.std(values)), 4)}
