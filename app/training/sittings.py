"""Estimate how far drawings of one child depend on each other, from children who drew several."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import AGE_COVERAGE
from app.scoring.conformal import MINIMUM_CHILDREN, Calibration, weighted_quantile
from app.scoring.norms import FloatArray
from app.scoring.sitting import SittingAge, SittingCalibration, Sittings, normal_scores, scaled_sum
from app.training.fit import FittedNorms
from app.training.references import References

BOUND = 0.95  # one-sided, for the correlation
REPEATS = 2000
_SEED = 1


def reference_p_values(calibration: Calibration) -> FloatArray:
    """Return each reference drawing's p-value among the other children of its year, (n,).

    ``nan`` if those are too few.
    """
    p_values = np.full(len(calibration.year), np.nan)
    for year in np.unique(calibration.year):
        group, member = calibration.group(int(year)), calibration.year == year
        if group.children <= MINIMUM_CHILDREN:
            continue
        score, child = group.scores[:, -1], calibration.child[member]
        at_least = (score >= score[:, None]) & (child != child[:, None])
        p_values[member] = (1 + at_least @ group.weight) / group.children
    return p_values


def sitting_calibration(p_values: FloatArray, child: NDArray[np.int32]) -> SittingCalibration:
    """Fit on p-values of drawings (n,) and who drew them; ``nan`` p-values are left out."""
    sittings = _by_child(p_values, child, normal_scores)
    if len(sittings) < MINIMUM_CHILDREN:
        return SittingCalibration()
    correlation = upper_correlation([_mean_product(scores) for scores in sittings])
    return SittingCalibration(
        correlation,
        np.array([scaled_sum(scores, correlation) for scores in sittings], np.float32),
        np.array([len(scores) for scores in sittings], np.int32),
    )


def sitting_age(
    predicted: FloatArray, age_years: FloatArray, child: NDArray[np.int32]
) -> SittingAge:
    """Fit on age estimates (n,) by norms that have not seen the child, and the true ages."""
    weight = _child_weight(child)
    centre, middle = weight @ age_years, weight @ predicted
    variance = float(weight @ (age_years - centre) ** 2)
    moved = weight @ ((age_years - centre) * (predicted - middle))
    slope = max(float(moved) / variance, 0.0) if variance else 0.0
    rest = predicted - middle - slope * (age_years - centre)
    sittings = _by_child(rest, child, np.asarray)
    if len(sittings) < MINIMUM_CHILDREN:
        return SittingAge()
    shared = max(float(np.mean([_mean_product(each) for each in sittings])), 0.0)
    own = max(float(weight @ rest**2) - shared, 0.0)
    fitted = SittingAge(float(centre), float(middle), slope, variance, shared, own, 1.0)
    return replace(fitted, width=_width(fitted, predicted, age_years, child))


def _width(
    fitted: SittingAge, predicted: FloatArray, age_years: FloatArray, child: NDArray[np.int32]
) -> float:
    """How many standard deviations hold the promised share of the sittings."""
    off = []
    for estimates, ages in zip(
        _by_child(predicted, child, np.asarray), _by_child(age_years, child, np.asarray),
        strict=True,
    ):  # fmt: skip
        years, deviation = fitted.predict(float(estimates.mean()), len(estimates))
        off.append(abs(years - float(ages.mean())) / deviation)
    return weighted_quantile(np.array(off), np.ones(len(off)), AGE_COVERAGE)


def upper_correlation(products: list[float]) -> float:
    """Bound the mean over children by bootstrap, between 0 and 1.

    The products are not centred: that children who drew more are a little more or less unusual on
    the whole counts as dependence too.
    """
    rng = np.random.default_rng(_SEED)
    values = np.array(products)
    means = [rng.choice(values, len(values)).mean() for _ in range(REPEATS)]
    return float(np.clip(np.quantile(means, BOUND), 0, 1))


def _by_child(
    values: FloatArray, child: NDArray[np.int32], transform: Callable[[FloatArray], FloatArray]
) -> list[NDArray[np.float64]]:
    """Return the transformed values of each child that has two or more."""
    defined = ~np.isnan(values)
    rows = transform(values[defined])
    each = [rows[child[defined] == c] for c in np.unique(child[defined])]
    return [one for one in each if len(one) > 1]


def _mean_product(values: NDArray[np.float64]) -> float:
    """Mean of the products of every two of them."""
    count = len(values)
    return float((values.sum() ** 2 - (values**2).sum()) / (count * (count - 1)))


def _child_weight(child: NDArray[np.int32]) -> NDArray[np.float64]:
    """Each child weighs the same, and all together 1."""
    _, index, count = np.unique(child, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[index] / len(count), np.float64)


def fit_sittings(references: References, fitted: FittedNorms) -> Sittings:
    """Fit on drawings judged by norms that have not seen their child."""
    named, unnamed = fitted.named, fitted.unnamed
    return Sittings(
        sitting_calibration(reference_p_values(named), named.child),
        sitting_calibration(reference_p_values(unnamed), unnamed.child),
        sitting_age(fitted.years, references.age_years, references.child),
    )
