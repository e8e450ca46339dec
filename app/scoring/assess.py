"""Features of one drawing -> its assessment against the norms."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import (
    TERMS,
    AgeEstimate,
    Assessment,
    CategoryGuess,
    CategoryLeftOut,
    DomainMatch,
    NormUsed,
    Reason,
    Verdict,
    nearest_names,
    plain_name,
)
from app.scoring.conformal import (
    MINIMUM_CHILDREN,
    Calibration,
    Group,
    LocalCalibration,
    LocalNorms,
    local_scores,
    score_reading,
)
from app.scoring.norms import DomainGuard, FloatArray, FoldNorms, Gate, Reading
from app.scoring.sitting import Sittings

NEAREST = 5
READING = 2  # of the measures of a picture, the last


@dataclass(frozen=True, eq=False)
class Norms:
    """All that a drawing is compared with: norms by fold, their calibration, gate and guard.

    ``has_norm`` (c,) tells which of the ``categories`` have norms of their own; the others are only
    recognised. ``local`` are an operator's own drawings, if any; ``sittings`` is for several by one
    child.
    """

    categories: tuple[str, ...]
    has_norm: NDArray[np.bool_]
    folds: tuple[FoldNorms, ...]
    named: Calibration
    unnamed: Calibration
    gate: Gate
    guard: DomainGuard
    age_error: float
    local: LocalNorms = field(default_factory=LocalNorms)
    sittings: Sittings = field(default_factory=Sittings)

    def index(self, category: str | None) -> int | None:
        """Return the category's place, or ``None`` if it has no norms of its own."""
        plain = plain_name(category)
        place = self.categories.index(plain) if plain in self.categories else None
        return place if place is not None and self.has_norm[place] else None

    @property
    def named_categories(self) -> tuple[str, ...]:
        """The categories that a drawing can be compared within."""
        return tuple(c for c, own in zip(self.categories, self.has_norm, strict=True) if own)

    @cached_property
    def ages(self) -> tuple[int, int] | None:
        """The first and the last completed year of age with norms; ``None``: none has any."""
        groups = {int(year): self.unnamed.group(int(year)) for year in np.unique(self.unnamed.year)}
        years = [y for y, group in groups.items() if group.children >= MINIMUM_CHILDREN]
        return (years[0], years[-1]) if years else None

    def references(self, place: int | None) -> Calibration:
        """Return those compared by category, or without one."""
        return self.unnamed if place is None else self.named


@dataclass(frozen=True, eq=False)
class DrawingFeatures:
    """What imaging and the trunk make of a picture that has ink on it.

    ``features`` (d,) are of the redrawn strokes; ``picture`` (m,) measures what they were read
    from, and its last entries how surely; these are logarithms.
    """

    features: FloatArray
    picture: FloatArray

    @property
    def whole(self) -> FloatArray:
        """All of it, (d + m,): what the gate looks at."""
        return np.concatenate([self.features, self.picture])

    @property
    def reading(self) -> FloatArray:
        """How surely the strokes were read; all grow with doubt."""
        return self.picture[-READING:]


def pooled(patches: FloatArray) -> FloatArray:
    """From ``patches`` (d, h, w) return (2d,): mean and maximum over the sheet."""
    flat = patches.reshape(len(patches), -1)
    return np.concatenate([flat.mean(1), flat.max(1)]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a drawing stands among those it is compared with."""

    p_values: FloatArray
    percentile: float
    resolution: float

    @property
    def p_value(self) -> float:
        """That of the whole, as it is given out: what is flagged must follow from this number."""
        return round(float(self.p_values[-1]), 5)


def assess(
    norms: Norms,
    drawing: DrawingFeatures | None,
    age_years: float,
    category: str | None,
    level: float,
) -> Assessment:
    """Compare one drawing (``None``: no ink was found) with those of the same year of age.

    It is flagged if its p-value is at most ``level``.
    """
    place, local = _chosen(norms, category)
    group = norms.references(place).group(int(age_years))
    left_out = _left_out(norms, category, place)
    used = replace(
        _norm_used(norms, place, group, age_years, local), ages=norms.ages, left_out=left_out
    )
    if drawing is None:
        return Assessment(Verdict.NOT_A_DRAWING, level, DomainMatch(False, None), used)
    domain = _domain(norms, drawing)
    if norms.gate.refuses(drawing.whole):
        return Assessment(Verdict.NOT_A_DRAWING, level, domain, used)
    readings = read_by_fold(norms, drawing.features, place)
    nearest = _nearest(norms, readings)
    # What holds for 80 % of children of the references' kind holds for no share of others.
    age = _apparent_age(norms, readings) if domain.matched else None
    reason = _reason(group, domain)
    if reason is not None:
        return Assessment(
            Verdict.NO_NORM, level, domain, used,
            apparent_age=age, categories=nearest, reason=reason,
        )  # fmt: skip
    scores = fold_scores(norms, readings, age_years, place)
    return _compared(_standing(group, scores, local), level, used, domain, age, nearest)


def read_by_fold(norms: Norms, features: FloatArray, place: int | None) -> tuple[Reading, ...]:
    """Let each fold's norms read a drawing."""
    return tuple(fold.read(features, place) for fold in norms.folds)


def fold_scores(
    norms: Norms, readings: tuple[Reading, ...], age_years: float, place: int | None
) -> FloatArray:
    """Nonconformity by each fold's norms: (folds, c), one column a term, the combination last."""
    return np.stack(
        [
            score_reading(fold, reading, age_years, place)
            for fold, reading in zip(norms.folds, readings, strict=True)
        ]
    )


def _chosen(norms: Norms, category: str | None) -> tuple[int | None, LocalCalibration | None]:
    place = norms.index(category)
    return norms.local.chosen(place) if norms.local.present else (place, None)


def _norm_used(
    norms: Norms, place: int | None, group: Group, age_years: float, local: LocalCalibration | None
) -> NormUsed:
    category = None if place is None else norms.categories[place]
    year, domain = str(int(age_years)), norms.guard.name
    if local is None or group.children < MINIMUM_CHILDREN:
        count = len(group.weight)
        return NormUsed(
            category, year, count, group.children, domain, same_category=group.showing(place)
        )
    return NormUsed(category, year, len(local.child), local.children, norms.local.name, True)


def _left_out(norms: Norms, category: str | None, place: int | None) -> CategoryLeftOut | None:
    """The category that was named, unless it is that at ``place``."""
    plain = plain_name(category)
    if place is not None or not plain:
        return None
    if plain in norms.categories:
        return CategoryLeftOut(plain, known=True)
    return CategoryLeftOut(plain, False, nearest_names(plain, norms.named_categories))


def _reason(group: Group, domain: DomainMatch) -> Reason | None:
    """Too few references come first, as no drawings of one's own would mend that."""
    if group.children < MINIMUM_CHILDREN:
        return Reason.TOO_FEW_REFERENCES
    return None if domain.matched else Reason.UNCLEAR_STROKES


def _standing(group: Group, scores: FloatArray, local: LocalCalibration | None) -> Standing:
    p_values = group.p_values(scores)
    if local is None:
        return Standing(p_values, group.percentile(scores), group.resolution)
    mean = local_scores(scores)
    return Standing(
        local.local_p_values(p_values, mean), local.percentile(p_values, mean), local.resolution
    )


def _compared(
    standing: Standing,
    level: float,
    used: NormUsed,
    domain: DomainMatch,
    age: AgeEstimate | None,
    nearest: tuple[CategoryGuess, ...],
) -> Assessment:
    p_value = standing.p_value
    return Assessment(
        Verdict.DRAWING,
        level,
        domain,
        used,
        anomaly_score=round(standing.percentile, 2),
        p_value=p_value,
        resolution=round(standing.resolution, 5),
        flagged=p_value <= level,
        terms={
            name: None if np.isnan(p) else round(float(p), 5)
            for name, p in zip(TERMS, standing.p_values[:-1], strict=True)
        },
        apparent_age=age,
        categories=nearest,
    )


def _domain(norms: Norms, drawing: DrawingFeatures) -> DomainMatch:
    distance = norms.guard.distance(drawing.reading)
    return DomainMatch(distance <= 1, round(distance, 3))


def predicted_age(readings: tuple[Reading, ...]) -> float:
    """Age in years that a drawing looks like."""
    return float(np.mean([reading.years for reading in readings]))


def _apparent_age(norms: Norms, readings: tuple[Reading, ...]) -> AgeEstimate:
    years, error = predicted_age(readings), norms.age_error
    return AgeEstimate(round(years, 2), round(years - error, 2), round(years + error, 2))


def _nearest(norms: Norms, readings: tuple[Reading, ...]) -> tuple[CategoryGuess, ...]:
    probabilities = np.mean([np.exp(reading.log_probabilities) for reading in readings], axis=0)
    best = np.argsort(probabilities)[::-1][:NEAREST]
    return tuple(
        CategoryGuess(norms.categories[i], round(float(probabilities[i]), 4)) for i in best
    )
