"""Features of reference drawings -> fitted norms, fold by fold."""

from dataclasses import dataclass, replace

import numpy as np

from app.scoring.assessment import AGE_COVERAGE
from app.scoring.conformal import COMBINED, Calibration, nonconformity_scores, weighted_quantile
from app.scoring.norms import (
    DAMAGE,
    LEAST_LOG_PROBABILITY,
    AgeRegression,
    ConditionalNorm,
    FloatArray,
    FoldNorms,
    age_basis,
)
from app.training.discriminants import (
    fit_category,
    fit_orientation,
    fit_parts,
    turned_variants,
    with_temperature,
)
from app.training.examples import REPENNED
from app.training.references import IntArray, References

SHRINK_OFFSETS = 5  # drawings' worth of belief that a category differs in nothing
AXES = 64
RIDGE = 3000.0  # strong: folds that disagree would make the pooled p-values conservative
CLARITY_RIDGE = (0.0, 1.0, 20.0)
QUANTILES = 201
LEAST_SPREAD = 0.01  # years
PEN_TRUST = 5.0  # how much what a pen changes counts as spread


@dataclass(frozen=True, eq=False)
class FittedNorms:
    """Norms by fold, and their calibration on the drawings each has not seen.

    ``years`` (n,) is the age each drawing looks like to the norms that have not seen its child.
    """

    folds: tuple[FoldNorms, ...]
    named: Calibration
    unnamed: Calibration
    years: FloatArray
    age_error: float


def fit_norms(references: References, fold: IntArray) -> FittedNorms:
    """Fit norms without each fold and calibrate them on it.

    Of the remaining folds one is kept for the tails, the temperature and the age's correction, so
    that neither the calibration nor the fit of the norms is used twice.
    """
    count = int(fold.max()) + 1
    fitted = tuple(_fit_fold(references, fold, k, count) for k in range(count))
    years = _years(references, fold, fitted)
    distance = np.abs(years - references.age_years)
    return FittedNorms(
        fitted,
        _calibrate(references, fold, fitted, named=True),
        _calibrate(references, fold, fitted, named=False),
        years,
        weighted_quantile(distance, references.child_weight, AGE_COVERAGE),
    )


def _fit_fold(references: References, fold: IntArray, held_out: int, count: int) -> FoldNorms:
    aside = (held_out + 1) % count
    fit = references.some((fold != held_out) & (fold != aside))
    centre, scale = fit.features.mean(0), fit.features.std(0) + 1e-4

    def standard(features: FloatArray) -> FloatArray:
        return np.asarray(np.clip((features - centre) / scale, -6, 6), np.float32)

    x, shown = standard(fit.features), standard(fit.shown)
    pens = _spread_by_pens(x, standard(fit.variant(REPENNED)))
    norms = FoldNorms(
        centre,
        scale,
        fit.deep,
        _conditional(x[:, : fit.deep], fit, pens[: fit.deep, : fit.deep]),
        _conditional(x[:, fit.deep :], fit, pens[fit.deep :, fit.deep :]),
        _age_regression(shown, fit),
        fit_category(shown, fit, pens),
        fit_parts(x, [standard(fit.variant(kind)) for kind in DAMAGE[1:]], pens),
        fit_orientation(fit, x, [standard(v) for v in turned_variants(fit)], pens),
        np.zeros((COMBINED, QUANTILES), np.float32),
    )
    return _finished(norms, references.some(fold == aside))


def _spread_by_pens(x: FloatArray, repenned: FloatArray) -> FloatArray:
    """How far and whereto other pens move the features, (d, d), times ``PEN_TRUST``.

    It is added to the spread within a class wherever distances are measured, so that what a pen
    changes counts for little: within-class covariance normalisation (Hatch, Kajarekar, Stolcke
    2006), with the pen as the nuisance.
    """
    moved = (repenned - x[None]).reshape(-1, x.shape[1]).astype(np.float64)
    return np.asarray(PEN_TRUST * (moved.T @ moved) / max(1, len(moved)))


def _finished(norms: FoldNorms, tail: References) -> FoldNorms:
    """Fit what needs drawings that the rest was not fitted to."""
    known = tail.category >= 0
    x = norms.standardise(tail.features)
    category = with_temperature(norms.category, x[known], tail.category[known])
    norms = replace(norms, category=category)
    norms = replace(norms, age=_with_spread(_with_clarity(norms, x, tail), norms, tail))
    scores = score_all(norms, tail, named=True)[:, :COMBINED]
    grid = np.linspace(0, 1, QUANTILES)
    return replace(norms, tails=np.nanquantile(scores, grid, axis=0).T.astype(np.float32))


def _conditional(x: FloatArray, fit: References, pens: FloatArray) -> ConditionalNorm:
    from sklearn.covariance import LedoitWolf

    def precision(values: FloatArray) -> FloatArray:
        spread = LedoitWolf(assume_centered=True).fit(values).covariance_
        return np.asarray(np.linalg.inv(spread + axes.T @ pens @ axes), np.float32)

    axes = _principal_axes(x)
    z, basis = x @ axes, age_basis(fit.age_years)
    coefficients, *_ = np.linalg.lstsq(basis, z, rcond=None)
    rest = z - basis @ coefficients
    offsets = np.zeros((len(fit.categories), z.shape[1]), np.float32)
    for place in range(len(fit.categories)):
        member = fit.category == place
        offsets[place] = rest[member].sum(0) / (member.sum() + SHRINK_OFFSETS)
    centred = rest - np.where(fit.category[:, None] >= 0, offsets[fit.category], 0)
    return ConditionalNorm(
        axes,
        np.asarray(coefficients, np.float32),
        offsets,
        precision(centred),
        precision(rest),
    )


def _principal_axes(x: FloatArray) -> FloatArray:
    """Return up to ``AXES`` directions of most variance, (d, k); all of them if d is small."""
    if x.shape[1] <= AXES:
        return np.eye(x.shape[1], dtype=np.float32)
    rest = (x - x.mean(0)).astype(np.float64)
    _, axes = np.linalg.eigh(rest.T @ rest)
    return axes[:, ::-1][:, :AXES].astype(np.float32)


def _age_regression(shown: FloatArray, fit: References) -> AgeRegression:
    from sklearn.linear_model import Ridge

    copies = len(shown)
    model = Ridge(RIDGE * copies).fit(
        shown.reshape(-1, shown.shape[-1]),
        np.tile(fit.age_years, copies),
        sample_weight=np.tile(fit.child_weight, copies),
    )
    return AgeRegression(
        np.asarray(model.coef_, np.float32),
        float(model.intercept_),
        np.zeros((2, 3), np.float32),
        np.zeros(3, np.float32),
        1.0,
    )


def _with_clarity(norms: FoldNorms, x: FloatArray, tail: References) -> AgeRegression:
    age, likely = norms.age, norms.category.log_probabilities(x)
    linear = x @ age.weights + age.intercept
    known = tail.category >= 0
    named = likely[np.arange(len(x)), tail.category]
    return replace(
        age,
        clarity=np.stack(
            [
                _correction(linear[known], named[known], tail.age_years[known]),
                _correction(linear, likely.max(1), tail.age_years),
            ]
        ),
    )


def _correction(linear: FloatArray, clear: FloatArray, age_years: FloatArray) -> FloatArray:
    """Regress age on the linear prediction and the clarity; none to learn from: no correction."""
    if not len(linear):
        return np.array([0, 1, 0], np.float32)
    centre = float(linear.mean())
    terms = np.stack(
        [np.ones_like(linear), linear - centre, np.maximum(clear, LEAST_LOG_PROBABILITY)], 1
    ).astype(np.float64)
    # The prior is the prediction as it is: slope one, and clarity telling nothing.
    prior = np.array([centre, 1.0, 0.0])
    moved = np.linalg.solve(
        terms.T @ terms + np.diag(CLARITY_RIDGE), terms.T @ (age_years - terms @ prior)
    )
    constant, slope, clarity = prior + moved
    return np.array([constant - slope * centre, slope, clarity], np.float32)


def _with_spread(age: AgeRegression, norms: FoldNorms, tail: References) -> AgeRegression:
    predicted = predicted_years(replace(norms, age=age), tail)
    basis = age_basis(tail.age_years)
    expected, *_ = np.linalg.lstsq(basis, predicted, rcond=None)
    # A set of one age predicts that age for everyone: the term then says nothing, and no more.
    spread = max(float((predicted - basis @ expected).std()), LEAST_SPREAD)
    return replace(age, expected=np.asarray(expected, np.float32), spread=spread)


def predicted_years(norms: FoldNorms, drawings: References) -> FloatArray:
    """Return the age that each drawing looks like, (n,)."""
    return np.array(
        [
            norms.read(x, int(c) if known else None).years
            for x, c, known in zip(
                drawings.features, drawings.category, drawings.named, strict=True
            )
        ]
    )


def score_all(norms: FoldNorms, drawings: References, *, named: bool) -> FloatArray:
    """Score every drawing, (n, terms + 1); without its category if ``named`` is false."""
    return np.stack(
        [
            nonconformity_scores(norms, x, float(age), int(c) if named and known else None)
            for x, age, c, known in zip(
                drawings.features,
                drawings.age_years,
                drawings.category,
                drawings.named,
                strict=True,
            )
        ]
    )


def _calibrate(
    references: References, fold: IntArray, fitted: tuple[FoldNorms, ...], *, named: bool
) -> Calibration:
    member = references.named if named else np.ones(len(fold), bool)
    part, part_fold = references.some(member), fold[member]
    scores = np.zeros((len(part_fold), COMBINED + 1), np.float32)
    for k, norms in enumerate(fitted):
        scores[part_fold == k] = score_all(norms, part.some(part_fold == k), named=named)
    year = part.age_years.astype(np.int32)
    return Calibration(scores, part_fold, year, part.child, part.category)


def _years(references: References, fold: IntArray, fitted: tuple[FoldNorms, ...]) -> FloatArray:
    years = np.zeros(len(fold))
    for k, norms in enumerate(fitted):
        years[fold == k] = predicted_years(norms, references.some(fold == k))
    return years
