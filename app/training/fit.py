"""Features of reference drawings -> fitted norms, fold by fold."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.scoring.conformal import Calibration, weighted_quantile
from app.scoring.nonconformity import COMBINED, nonconformity_scores
from app.scoring.norms import (
    AgeRegression,
    CategoryClassifier,
    ConditionalNorm,
    FloatArray,
    FoldNorms,
    age_basis,
)

SHRINK_OFFSETS = 5  # drawings' worth of belief that a category differs in nothing
RIDGE = 3000.0  # strong: folds that disagree would make the pooled p-values conservative
INVERSE_PENALTY = 0.02
QUANTILES = 201
AGE_COVERAGE = 0.8
LEAST_SPREAD = 0.01  # years

IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class References:
    """The reference drawings as arrays: ``features`` (n, d), the others (n,).

    ``category`` is the place among ``categories`` or −1; ``deep`` how many features are deep.
    """

    features: FloatArray
    deep: int
    age_years: FloatArray
    category: IntArray
    child: IntArray
    categories: tuple[str, ...]

    def some(self, member: BoolArray) -> "References":
        """Return the rows where ``member`` (n,) is true."""
        return References(
            self.features[member], self.deep, self.age_years[member], self.category[member],
            self.child[member], self.categories,
        )  # fmt: skip

    @property
    def child_weight(self) -> NDArray[np.float64]:
        """One over the child's number of drawings, (n,)."""
        _, index, count = np.unique(self.child, return_inverse=True, return_counts=True)
        return np.asarray(1 / count[index], np.float64)


@dataclass(frozen=True, eq=False)
class FittedNorms:
    """Norms by fold, and their calibration on the drawings each has not seen."""

    folds: tuple[FoldNorms, ...]
    named: Calibration
    unnamed: Calibration
    age_error: float


def fit_norms(references: References, fold: IntArray) -> FittedNorms:
    """Fit norms without each fold and calibrate them on it.

    Of the remaining folds one is kept for the tails and the temperature, so that neither the
    calibration nor the fit of the norms is used twice.
    """
    count = int(fold.max()) + 1
    fitted = tuple(_fit_fold(references, fold, k, count) for k in range(count))
    return FittedNorms(
        fitted,
        _calibrate(references, fold, fitted, named=True),
        _calibrate(references, fold, fitted, named=False),
        _age_error(references, fold, fitted),
    )


def _fit_fold(references: References, fold: IntArray, held_out: int, count: int) -> FoldNorms:
    aside = (held_out + 1) % count
    fit = references.some((fold != held_out) & (fold != aside))
    tail = references.some(fold == aside)
    centre, scale = fit.features.mean(0), fit.features.std(0) + 1e-4
    x = np.clip((fit.features - centre) / scale, -6, 6)
    norms = FoldNorms(
        centre,
        scale,
        fit.deep,
        _conditional(x[:, : fit.deep], fit),
        _conditional(x[:, fit.deep :], fit),
        _age_regression(x, fit),
        _classifier(x, fit),
        np.zeros((4, QUANTILES), np.float32),
    )
    norms = _with_temperature(norms, tail)
    return _with_tails(_with_age_spread(norms, tail), tail)


def _conditional(x: FloatArray, fit: References) -> ConditionalNorm:
    from sklearn.covariance import LedoitWolf

    basis = age_basis(fit.age_years)
    coefficients, *_ = np.linalg.lstsq(basis, x, rcond=None)
    rest = x - basis @ coefficients
    offsets = np.zeros((len(fit.categories), x.shape[1]), np.float32)
    for place in range(len(fit.categories)):
        member = fit.category == place
        offsets[place] = rest[member].sum(0) / (member.sum() + SHRINK_OFFSETS)
    centred = rest - np.where(fit.category[:, None] >= 0, offsets[fit.category], 0)
    return ConditionalNorm(
        np.asarray(coefficients, np.float32),
        offsets,
        np.asarray(LedoitWolf(assume_centered=True).fit(centred).precision_, np.float32),
        np.asarray(LedoitWolf(assume_centered=True).fit(rest).precision_, np.float32),
    )


def _age_regression(x: FloatArray, fit: References) -> AgeRegression:
    from sklearn.linear_model import Ridge

    model = Ridge(RIDGE).fit(x, fit.age_years, sample_weight=fit.child_weight)
    return AgeRegression(
        np.asarray(model.coef_, np.float32), float(model.intercept_), np.zeros(3, np.float32), 1.0
    )


def _classifier(x: FloatArray, fit: References) -> CategoryClassifier:
    from sklearn.linear_model import LogisticRegression

    known = fit.category >= 0
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=300).fit(x[known], fit.category[known])
    weights = np.zeros((x.shape[1], len(fit.categories)), np.float32)
    intercepts = np.full(len(fit.categories), -20, np.float32)  # a category absent from these folds
    weights[:, model.classes_] = model.coef_.T
    intercepts[model.classes_] = model.intercept_
    return CategoryClassifier(weights, intercepts, 1.0)


def _with_temperature(norms: FoldNorms, tail: References) -> FoldNorms:
    """Pick the temperature under which the true categories are likeliest."""
    known = tail.category >= 0
    x, truth = norms.standardise(tail.features[known]), tail.category[known]
    best = norms.category
    candidates = [
        CategoryClassifier(best.weights, best.intercepts, float(t))
        for t in np.geomspace(0.5, 2.5, 25)
    ]
    likelihood = [
        np.mean([c.log_probabilities(row)[t] for row, t in zip(x, truth, strict=True)])
        for c in candidates
    ]
    return replace(norms, category=candidates[int(np.argmax(likelihood))])


def _with_age_spread(norms: FoldNorms, tail: References) -> FoldNorms:
    predicted = norms.standardise(tail.features) @ norms.age.weights + norms.age.intercept
    basis = age_basis(tail.age_years)
    expected, *_ = np.linalg.lstsq(basis, predicted, rcond=None)
    # A set of one age predicts that age for everyone: the term then says nothing, and no more.
    spread = max(float((predicted - basis @ expected).std()), LEAST_SPREAD)
    age = AgeRegression(
        norms.age.weights, norms.age.intercept, np.asarray(expected, np.float32), spread
    )
    return replace(norms, age=age)


def _with_tails(norms: FoldNorms, tail: References) -> FoldNorms:
    scores = score_all(norms, tail, named=True)[:, :COMBINED]
    grid = np.linspace(0, 1, QUANTILES)
    return replace(norms, tails=np.nanquantile(scores, grid, axis=0).T.astype(np.float32))


def score_all(norms: FoldNorms, drawings: References, *, named: bool) -> FloatArray:
    """Score every drawing, (n, 5); without its category where ``named`` is false."""
    return np.stack(
        [
            nonconformity_scores(norms, x, float(age), int(c) if named and c >= 0 else None)
            for x, age, c in zip(
                drawings.features, drawings.age_years, drawings.category, strict=True
            )
        ]
    )


def _calibrate(
    references: References, fold: IntArray, fitted: tuple[FoldNorms, ...], *, named: bool
) -> Calibration:
    member = references.category >= 0 if named else np.ones(len(fold), bool)
    part, part_fold = references.some(member), fold[member]
    scores = np.zeros((len(part_fold), COMBINED + 1), np.float32)
    for k, norms in enumerate(fitted):
        scores[part_fold == k] = score_all(norms, part.some(part_fold == k), named=named)
    year = part.age_years.astype(np.int32)
    return Calibration(scores, part_fold, year, part.child)


def _age_error(references: References, fold: IntArray, fitted: tuple[FoldNorms, ...]) -> float:
    error = np.zeros(len(fold), np.float32)
    for k, norms in enumerate(fitted):
        x = norms.standardise(references.features[fold == k])
        error[fold == k] = x @ norms.age.weights + norms.age.intercept
    distance = np.abs(error - references.age_years)
    return weighted_quantile(distance, references.child_weight, AGE_COVERAGE)
