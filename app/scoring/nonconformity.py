"""Six measures of how little a drawing conforms, and their combination.

* typicality: its look, given age and category (deep features);
* marks: its strokes and layout, given age and category (pen-independent statistics);
* age: how far the age it looks like is from the one expected at the declared age;
* category: how much likelier another category is than the declared one;
* parts: how much it looks as if something were missing or had been added;
* orientation: how much likelier it is turned than upright.

The combination is Fisher's: a weighted sum of −log of each term's tail share. It needs no
independence here, as its own distribution is calibrated afterwards.
"""

import numpy as np

from app.scoring.assessment import TERMS
from app.scoring.norms import Discriminant, FloatArray, FoldNorms, Reading

WEIGHTS = np.array([0.25, 0.4, 0.35, 2, 3.5, 3], np.float32)
COMBINED = len(TERMS)  # the column after the terms


def nonconformity_scores(
    norms: FoldNorms, features: FloatArray, age_years: float, category: int | None
) -> FloatArray:
    """Return (terms + 1,): the terms and their combination; ``nan`` for an undefined term."""
    return score_reading(norms, norms.read(features, category), age_years, category)


def score_reading(
    norms: FoldNorms, reading: Reading, age_years: float, category: int | None
) -> FloatArray:
    """Score what the norms have already read."""
    x = reading.x
    terms = np.array(
        [
            norms.typicality.distance(x[: norms.deep], age_years, category),
            norms.marks.distance(x[norms.deep :], age_years, category),
            norms.age.surprise(reading.years, age_years),
            np.nan
            if category is None
            else _margin(norms.category, reading.log_probabilities, category),
            _not_whole(norms.parts.log_probabilities(x)),
            norms.orientation.log_odds(x, category),
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


def _margin(discriminant: Discriminant, log_probabilities: FloatArray, category: int) -> float:
    """By how much another category is likelier, were all equally common to begin with."""
    fits = log_probabilities - discriminant.log_shares / discriminant.temperature
    others = np.delete(fits, category)
    return float(others.max() - fits[category]) if len(others) else 0.0


def _not_whole(log_probabilities: FloatArray) -> float:
    whole, *damaged = log_probabilities
    return float(np.logaddexp.reduce(damaged) - whole)
