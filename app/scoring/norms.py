"""What is usual at an age and, if it is named, for a category, and what is a drawing at all.

All these quantities are fitted by ``app.training`` and only applied here. ``d`` is the length of a
feature vector, ``c`` the number of categories. Age enters as ``age_basis``: 1, a and a², a in years
from 6.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

DAMAGE = ("whole", "half", "patch", "scribble", "intruder")
_POWERS = np.arange(3, dtype=np.float32)
LEAST_LOG_PROBABILITY = -8.0  # below, a drawing is simply unrecognisable
LIMIT_SHARE = 0.998  # of the pictures that a guard is measured on lie within its limits
_FARTHEST = 6.0  # standard deviations
LIMIT_SLACK = 0.22  # of a logarithm: a quarter more


def age_basis(age_years: float | FloatArray) -> FloatArray:
    """Return (…, 3): a constant, the age and its square, centred at six years."""
    a = (np.asarray(age_years, np.float32) - 6) / 2
    return np.asarray(a[..., None] ** _POWERS)


@dataclass(frozen=True, eq=False)
class ConditionalNorm:
    """A Gaussian whose mean moves with age and category, with one shared precision.

    It lives on the ``axes`` (d, k) along which the references differ most. ``coefficients`` (3, k)
    give the mean by age; ``offsets`` (c, k) what a category adds, shrunk towards 0 for small
    categories; ``precision`` (k, k) is the inverse Ledoit–Wolf covariance of what remains. The
    distance is the squared Mahalanobis distance over k.
    """

    axes: FloatArray
    coefficients: FloatArray
    offsets: FloatArray
    precision: FloatArray
    precision_unnamed: FloatArray

    def distance(self, x: FloatArray, age_years: float, category: int | None) -> float:
        """How far ``x`` (d,) lies from what is usual; without a category, from all of that age."""
        rest = x @ self.axes - age_basis(age_years) @ self.coefficients
        precision = self.precision_unnamed
        if category is not None:
            rest, precision = rest - self.offsets[category], self.precision
        return float(rest @ precision @ rest) / len(rest)


@dataclass(frozen=True, eq=False)
class Discriminant:
    """Linear discriminant analysis: log-probabilities of the classes (k,) from ``weights`` (d, k).

    ``log_shares`` (k,) are the logarithms of the classes' prior shares, contained in
    ``intercepts`` (k,). The temperature is fitted on drawings that the rest was not fitted to.
    """

    weights: FloatArray
    intercepts: FloatArray
    log_shares: FloatArray
    temperature: float

    def log_probabilities(self, x: FloatArray) -> FloatArray:
        """Return (k,) for ``x`` (d,), or (n, k) for (n, d)."""
        logits = (x @ self.weights + self.intercepts) / self.temperature
        logits = logits - logits.max(axis=-1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(-1, keepdims=True)), np.float32)


@dataclass(frozen=True, eq=False)
class Orientation:
    """How much likelier a drawing is turned than upright, for the category it shows.

    Discriminants between upright and upside down, and between upright and sideways, whose means
    belong to a category: ``weights`` (c + 1, 2, d), ``intercepts`` (c + 1, 2). The last row is for
    drawings without a category.
    """

    weights: FloatArray
    intercepts: FloatArray

    def log_odds(self, x: FloatArray, category: int | None) -> float:
        """Log-odds of being turned, for ``x`` (d,)."""
        row = -1 if category is None else category
        upside_down, sideways = self.weights[row] @ x + self.intercepts[row]
        return float(np.logaddexp(upside_down, sideways))


@dataclass(frozen=True, eq=False)
class AgeRegression:
    """Prediction of age: linear in the features, then corrected by how clear the drawing is.

    ``clarity`` (2, 3) holds, for drawings with and without a category, the coefficients of a
    constant, the linear prediction and the log-probability of the category (of the likeliest one
    where none is named): older children draw what others recognise. ``expected`` (3,) gives the
    mean prediction for an age, ``spread`` its standard deviation.
    """

    weights: FloatArray
    intercept: float
    clarity: FloatArray
    expected: FloatArray
    spread: float

    def predict(self, x: FloatArray, log_probabilities: FloatArray, category: int | None) -> float:
        """Years, from ``x`` (d,) and what the category's discriminant says of it (c,)."""
        clear = log_probabilities.max() if category is None else log_probabilities[category]
        linear = float(x @ self.weights) + self.intercept
        terms = np.array([1.0, linear, max(float(clear), LEAST_LOG_PROBABILITY)])
        return float(terms @ self.clarity[int(category is None)])

    def surprise(self, years: float, age_years: float) -> float:
        """Distance of a prediction from the one expected at this age, in spreads."""
        return abs(years - float(age_basis(age_years) @ self.expected)) / self.spread


@dataclass(frozen=True, eq=False)
class FoldNorms:
    """Everything fitted without one fold of the children, to be calibrated on that fold.

    ``centre`` and ``scale`` standardise the joined vector of deep features and marks; ``deep`` is
    how many of its entries are deep features. ``parts`` tells the kinds of ``DAMAGE`` apart.
    ``tails`` (terms, q) holds, for each term, evenly spaced quantiles of its values, from which the
    combination reads how rare a value is.
    """

    centre: FloatArray
    scale: FloatArray
    deep: int
    typicality: ConditionalNorm
    marks: ConditionalNorm
    age: AgeRegression
    category: Discriminant
    parts: Discriminant
    orientation: Orientation
    tails: FloatArray

    def standardise(self, x: FloatArray) -> FloatArray:
        """Return ``x`` in spreads from its mean, clipped so that one odd entry cannot rule."""
        return np.asarray(np.clip((x - self.centre) / self.scale, -6, 6), np.float32)

    def read(self, features: FloatArray, category: int | None) -> "Reading":
        """Say what the norms see in a drawing before its age is taken into account."""
        x = self.standardise(features)
        likely = self.category.log_probabilities(x)
        return Reading(x, likely, self.age.predict(x, likely, category))


@dataclass(frozen=True, eq=False)
class Reading:
    """A drawing as one fold's norms see it: standardised features, categories, apparent age."""

    x: FloatArray
    log_probabilities: FloatArray
    years: float


@dataclass(frozen=True, eq=False)
class Gate:
    """Boosted trees (Friedman 2001) between drawings and what is none: print, photographs.

    They look at what is left of a drawing's features when the deep ones are reduced to a few
    ``axes`` (deep, k), and at the measures of its picture: a photograph is told by what comes
    together, such as ink up to the sides and little of it strokes. The t trees have up to n nodes
    each, (t, n): where ``feature`` is at most ``split`` it goes on at the node ``low``, else at
    ``high``, until it stays; there it adds ``value`` to the log-odds. ``threshold`` is set on
    drawings that were not used to fit it.
    """

    centre: FloatArray
    scale: FloatArray
    axes: FloatArray
    feature: NDArray[np.int32]
    split: FloatArray
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    value: FloatArray
    intercept: float
    threshold: float

    def refuses(self, whole: FloatArray) -> bool:
        """Tell whether a drawing's features and measures (g,) look like something else."""
        return self.logit(whole) > self.threshold

    def logit(self, whole: FloatArray) -> float:
        """Log-odds of not being a drawing."""
        seen, trees = self.reduced(whole), np.arange(len(self.feature))
        node = np.zeros(len(trees), np.intp)
        while True:
            goes_low = seen[self.feature[trees, node]] <= self.split[trees, node]
            after = np.where(goes_low, self.low[trees, node], self.high[trees, node])
            if (after == node).all():
                return float(self.value[trees, node].sum()) + self.intercept
            node = after

    def reduced(self, whole: FloatArray) -> FloatArray:
        """What the trees look at, (…, f): marks and measures as they are, the rest on the axes."""
        x = np.clip((whole - self.centre) / self.scale, -_FARTHEST, _FARTHEST)
        deep = len(self.axes)
        return np.concatenate([x[..., deep:], x[..., :deep] @ self.axes], -1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class DomainGuard:
    """How unsurely strokes may have been read for the norms' false flags to be known.

    ``limits`` is the most that each measure of the reading, a logarithm, reaches among the pictures
    that these were measured on.
    """

    name: str
    limits: FloatArray

    def widened(self, measures: FloatArray) -> "DomainGuard":
        """Match pictures with such measures (n, m) as well, as widely as those it was fitted on."""
        limits = np.quantile(measures, LIMIT_SHARE, axis=0) + LIMIT_SLACK
        return DomainGuard(self.name, np.maximum(self.limits, limits).astype(np.float32))

    def distance(self, measures: FloatArray) -> float:
        """Return 1.0 at the farthest that still matches."""
        return float(np.exp((measures - self.limits).max()))
