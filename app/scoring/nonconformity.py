"""Four measures of how little a drawing conforms, and their combination.

* typicality: its look, given age and category (deep features);
* marks: its strokes and layout, given age and category (pen-independent statistics);
* age: how far the age it looks like is from the one expected at the declared age;
* category: how much likelier another category is than the declared one.

The combination is Fisher's: a weighted sum of −log of each term's tail share, the category
counting twice. It needs no independence here, as its own distribution is calibrated afterwards.
"""

import numpy as np

from app.scoring.norms import FloatArray, FoldNorms

WEIGHTS = np.array([1, 1, 1, 2], np.float32)
COMBINED = 4  # the column after the four terms


def nonconformity_scores(
    norms: FoldNorms, features: FloatArray, age_years: float, category: int | None
) -> FloatArray:
    """Return (5,): the four terms and their combination; ``nan`` for an undefined term."""
    x = norms.standardise(features)
    terms = np.array(
        [
            norms.typicality.distance(x[: norms.deep], age_years, category),
            norms.marks.distance(x[norms.deep :], age_years, category),
            norms.age.surprise(x, age_years),
            np.nan if category is None else _margin(norms, x, category),
        ],
        np.float32,
    )
    return np.append(terms, combine(norms.tails, terms)).astype(np.float32)


def combine(tails: FloatArray, terms: FloatArray) -> float:
    """Sum −log of the share of reference values above each defined term."""
    total = 0.0
    for weight, quantiles, term in zip(WEIGHTS, tails, terms, strict=True):
        if not np.isnan(term):
            total -= float(weight) * float(np.log(_share_above(quantiles, float(term))))
    return total


def _share_above(quantiles: FloatArray, term: float) -> float:
    """Tail share, interpolated; beyond the last quantile it falls on slowly, never to a tie."""
    count = len(quantiles)
    inside = float(np.interp(term, quantiles, np.linspace(0, 1, count)))
    spread = float(quantiles[-1] - quantiles[count // 2]) or 1.0
    beyond = max(0.0, (term - float(quantiles[-1])) / spread)
    return (1 - inside + 1 / count) / (1 + 1 / count) / (1 + beyond)


def _margin(norms: FoldNorms, x: FloatArray, category: int) -> float:
    log_probabilities = norms.category.log_probabilities(x)
    others = np.delete(log_probabilities, category)
    return float(others.max() - log_probabilities[category])
