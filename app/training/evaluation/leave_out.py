"""Leave one set out: norms of the other sets, before and after sixty drawings of one's own."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.norms import FloatArray
from app.scoring.recalibration import LocalCalibration
from app.training.dataset import folds_by_child, has_norm
from app.training.embed import Embedded
from app.training.evaluation.held_out import HeldOut, kind, score_unseen
from app.training.evaluation.made import Made
from app.training.evaluation.measures import LEVEL, About
from app.training.evaluation.statistics import auroc
from app.training.fit import fit_norms

DRAWS = 20
FOUND = ("half", "scribble")


def leave_each_set_out(
    embedded: Embedded, made: Made, folds: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Fit on all sets but one and score that one, for each set."""
    about = About.of(embedded)
    names = np.unique(about.collection)
    if len(names) == 1:
        return {}
    left = {str(n): _leave_out(str(n), embedded, made, about, folds, seed) for n in names}
    return {name: found for name, found in left.items() if found["drawings"]}


def _leave_out(
    name: str, embedded: Embedded, made: Made, about: About, folds: int, seed: int
) -> dict[str, Any]:
    references, drawings = embedded.references(), list(embedded.drawings)
    known = about.collection != name
    others = [drawings[i] for i in np.flatnonzero(known)]
    references = replace(references, has_norm=has_norm(others, references.categories))
    fitted = fit_norms(references.some(known), folds_by_child(others, folds, seed))
    h = score_unseen(fitted, references, np.flatnonzero(~known), made, seed)
    if not len(h.row):
        return {"drawings": 0}
    return {
        "drawings": len(h.row),
        "false_flags": _flags(h.p_values[:, -1]),
        **{f"{k}_auroc": round(auroc(h.scores[:, -1], h.made[:, kind(k), -1]), 4) for k in FOUND},
        "local_drawings": MINIMUM_CHILDREN,
        "after": _after(h, about, np.random.default_rng(seed)),
    }


def _after(h: HeldOut, about: About, rng: np.random.Generator) -> dict[str, Any]:
    """Calibrate on sixty drawings, judge on the other children's; means and spread over draws."""
    draws = [_one_draw(h, about, rng) for _ in range(DRAWS)]
    kept = [draw for draw in draws if draw]
    return {
        name: {
            "mean": round(float(np.mean([d[name] for d in kept])), 4),
            "sd": round(float(np.std([d[name] for d in kept])), 4),
        }
        for name in (kept[0] if kept else {})
    }


def _one_draw(h: HeldOut, about: About, rng: np.random.Generator) -> dict[str, float]:
    own = rng.permutation(len(h.row))[:MINIMUM_CHILDREN]
    unseen = np.flatnonzero(~np.isin(about.child[h.row], about.child[h.row[own]]))
    if not len(unseen):
        return {}
    # Each drawing counts as a child, as it would for an operator who does not know who drew which.
    local = LocalCalibration(h.p_values[own], h.scores[own], np.arange(len(own), dtype=np.int32))
    return {
        "false_flags": _flags(_local(local, h.p_values[unseen], h.scores[unseen])),
        **{
            f"{k}_flagged": _flags(
                _local(local, h.made_p[unseen, kind(k)], h.made[unseen, kind(k)])
            )
            for k in FOUND
        },
    }


def _local(local: LocalCalibration, p_values: FloatArray, scores: FloatArray) -> FloatArray:
    return np.array(
        [
            local.local_p_values(p, s)[-1] if not np.isnan(s[-1]) else np.nan
            for p, s in zip(p_values, scores, strict=True)
        ]
    )


def _flags(p_values: NDArray[np.floating[Any]]) -> float:
    known = p_values[~np.isnan(p_values)]
    return round(float((known <= LEVEL).mean()), 4) if len(known) else float("nan")
