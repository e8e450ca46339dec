"""Features of one drawing -> its assessment against the norms."""

from dataclasses import dataclass

import numpy as np

from app.scoring.assessment import (
    TERMS,
    AgeEstimate,
    Assessment,
    CategoryGuess,
    DomainMatch,
    NormUsed,
    Verdict,
)
from app.scoring.conformal import MINIMUM_CHILDREN, Calibration, Group
from app.scoring.gate import DomainGuard, Gate
from app.scoring.nonconformity import COMBINED, nonconformity_scores
from app.scoring.norms import FloatArray, FoldNorms

LEVEL = 0.05
NEAREST = 5


@dataclass(frozen=True, eq=False)
class Norms:
    """All that a drawing is compared with: norms by fold, their calibration, gate and guard."""

    categories: tuple[str, ...]
    folds: tuple[FoldNorms, ...]
    named: Calibration
    unnamed: Calibration
    gate: Gate
    guard: DomainGuard
    usual_patches: FloatArray
    age_error: float

    def index(self, category: str | None) -> int | None:
        """Return the category's place, or ``None`` if it has no norms of its own."""
        plain = (category or "").strip().lower()
        return self.categories.index(plain) if plain in self.categories else None


@dataclass(frozen=True, eq=False)
class DrawingFeatures:
    """What imaging and the trunk make of a picture that has ink on it."""

    features: FloatArray
    domain_measures: FloatArray


def pooled(patches: FloatArray) -> FloatArray:
    """From ``patches`` (d, h, w) return (2d,): mean and maximum over the sheet."""
    flat = patches.reshape(len(patches), -1)
    return np.concatenate([flat.mean(1), flat.max(1)]).astype(np.float32)


def assess(
    norms: Norms, drawing: DrawingFeatures | None, age_years: float, category: str | None
) -> Assessment:
    """Compare one drawing (``None``: no ink was found) with those of the same year of age."""
    place = norms.index(category)
    group = (norms.unnamed if place is None else norms.named).group(int(age_years))
    used = NormUsed(
        None if place is None else norms.categories[place],
        str(int(age_years)),
        len(group.weight),
        group.children,
        norms.guard.name,
    )
    if drawing is None:
        return Assessment(Verdict.NOT_A_DRAWING, LEVEL, DomainMatch(False, None), used)
    domain = _domain(norms, drawing)
    if norms.gate.refuses(gate_features(drawing.features, drawing.domain_measures)):
        return Assessment(Verdict.NOT_A_DRAWING, LEVEL, domain, used)
    age, nearest = _apparent_age(norms, drawing.features), _nearest(norms, drawing.features)
    if group.children < MINIMUM_CHILDREN:
        return Assessment(
            Verdict.NO_NORM, LEVEL, domain, used, apparent_age=age, categories=nearest
        )
    scores = np.stack(
        [nonconformity_scores(fold, drawing.features, age_years, place) for fold in norms.folds]
    )
    return _compared(scores, group, used, domain, age, nearest)


def _compared(
    scores: FloatArray,
    group: Group,
    used: NormUsed,
    domain: DomainMatch,
    age: AgeEstimate,
    nearest: tuple[CategoryGuess, ...],
) -> Assessment:
    p_values = group.p_values(scores)
    p_value = float(p_values[COMBINED])
    return Assessment(
        Verdict.DRAWING,
        LEVEL,
        domain,
        used,
        anomaly_score=round(group.percentile(scores), 2),
        p_value=round(p_value, 5),
        resolution=round(group.resolution, 5),
        flagged=p_value <= LEVEL,
        terms={
            name: None if np.isnan(p) else round(float(p), 5)
            for name, p in zip(TERMS, p_values, strict=False)
        },
        apparent_age=age,
        categories=nearest,
    )


def gate_features(features: FloatArray, domain_measures: FloatArray) -> FloatArray:
    """What the gate looks at: the drawing's own features and those of the picture."""
    return np.concatenate([features, np.log(domain_measures + 0.01)]).astype(np.float32)


def _domain(norms: Norms, drawing: DrawingFeatures) -> DomainMatch:
    distance = norms.guard.distance(drawing.domain_measures)
    return DomainMatch(distance <= 1, round(distance, 3))


def _apparent_age(norms: Norms, features: FloatArray) -> AgeEstimate:
    years = float(np.mean([fold.age.predict(fold.standardise(features)) for fold in norms.folds]))
    return AgeEstimate(
        round(years, 2), round(years - norms.age_error, 2), round(years + norms.age_error, 2)
    )


def _nearest(norms: Norms, features: FloatArray) -> tuple[CategoryGuess, ...]:
    probabilities = np.mean(
        [
            np.exp(fold.category.log_probabilities(fold.standardise(features)))
            for fold in norms.folds
        ],
        axis=0,
    )
    best = np.argsort(probabilities)[::-1][:NEAREST]
    return tuple(
        CategoryGuess(norms.categories[i], round(float(probabilities[i]), 4)) for i in best
    )
