"""Cross-validation by child: what norms say of children that they have never seen.

Each outer fold is scored by norms fitted and calibrated on the others only, exactly as a bundle is.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.nonconformity import COMBINED, score_reading
from app.scoring.norms import FloatArray
from app.training.dataset import folds_by_child
from app.training.embed import Embedded
from app.training.evaluation.made import KINDS, Made
from app.training.fit import FittedNorms, fit_norms
from app.training.references import BoolArray, References

OUTER = 5


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One row a drawing of an age that has norms.

    Scores and p-values have a column a term, and last the combination. ``row`` is the drawing's
    place among the embedded ones. ``scores`` are means over the folds' norms; ``wrong`` are those
    with a wrong category, drawn at random among those with norms, and ``wrong_p`` (n,) their
    combined p-values. ``made`` and ``made_p`` (n, kinds, terms + 1) are those of made anomalies.
    ``probability`` (n, c) are those of the categories, ``years`` the age the drawing looks like.
    """

    row: NDArray[np.intp]
    named: BoolArray
    scores: FloatArray
    p_values: FloatArray
    wrong: FloatArray
    wrong_p: FloatArray
    made: FloatArray
    made_p: FloatArray
    probability: FloatArray
    years: FloatArray
    age_error: FloatArray

    def some(self, rows: NDArray[np.intp] | BoolArray) -> "HeldOut":
        """Return some rows."""
        return HeldOut(*(getattr(self, field.name)[rows] for field in fields(self)))


def cross_validate(embedded: Embedded, made: Made, folds: int, seed: int) -> HeldOut:
    """Score every drawing by norms that have not seen its child."""
    references, drawings = embedded.references(), list(embedded.drawings)
    outer = folds_by_child(drawings, OUTER, seed)
    parts = []
    for k in track(range(OUTER), f"Held-out children, seed {seed}"):
        known = outer != k
        inner = folds_by_child([drawings[i] for i in np.flatnonzero(known)], folds, seed + 100)
        fitted = fit_norms(references.some(known), inner)
        parts.append(score_unseen(fitted, references, np.flatnonzero(~known), made, seed + k))
    return joined(parts)


def joined(parts: list[HeldOut]) -> HeldOut:
    """Put folds together."""
    return HeldOut(
        *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(HeldOut))
    )


def score_unseen(
    fitted: FittedNorms, references: References, rows: NDArray[np.intp], made: Made, seed: int
) -> HeldOut:
    """Score drawings and what was made of them; those of ages without norms are left out."""
    rng = np.random.default_rng(seed)
    scored = [
        _score_one(fitted, references, int(row), made, rng)
        for row in rows
        if fitted.unnamed.group(int(references.age_years[row])).children >= MINIMUM_CHILDREN
    ]
    columns = zip(*scored, strict=True) if scored else [()] * len(fields(HeldOut))
    return HeldOut(*(np.array(column) for column in columns))


def _score_one(
    fitted: FittedNorms, references: References, row: int, made: Made, rng: np.random.Generator
) -> tuple[object, ...]:
    age, category = float(references.age_years[row]), int(references.category[row])
    named = bool(references.named[row])
    own = category if named else None
    wrong = int(rng.choice(np.setdiff1d(np.flatnonzero(references.has_norm), [category])))
    scores, p_values, probability, years = _say(fitted, references.features[row], age, own)
    wrong_scores, wrong_p, *_ = _say(fitted, references.features[row], age, wrong)
    spoilt = [_say(fitted, x, age, own)[:2] for x in made.features[row]]
    return (
        row, named, scores, p_values, wrong_scores, wrong_p[-1],
        np.stack([s for s, _ in spoilt]), np.stack([p for _, p in spoilt]),
        probability, years, fitted.age_error,
    )  # fmt: skip


def _say(
    fitted: FittedNorms, features: FloatArray, age: float, category: int | None
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return mean scores, p-values, the categories' probabilities and the apparent age."""
    if np.isnan(features).any():
        nothing = np.full(COMBINED + 1, np.nan)
        return nothing, nothing, nothing[:0], float("nan")
    readings = [norms.read(features, category) for norms in fitted.folds]
    scores = np.stack(
        [
            score_reading(norms, reading, age, category)
            for norms, reading in zip(fitted.folds, readings, strict=True)
        ]
    )
    calibration = fitted.unnamed if category is None else fitted.named
    return (
        scores.mean(0),
        calibration.group(int(age)).p_values(scores),
        np.mean([np.exp(r.log_probabilities) for r in readings], axis=0),
        float(np.mean([r.years for r in readings])),
    )


def kind(name: str) -> int:
    """Return the place of a made kind."""
    return KINDS.index(name)
