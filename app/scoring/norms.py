"""What is usual at an age and, where it is named, for a category: the fitted quantities.

All are fitted by ``app.training`` and only applied here. ``d`` is the length of a feature vector,
``c`` the number of categories. Age enters as ``age_basis``: 1, a and a², a in years from 6.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]


def age_basis(age_years: float | FloatArray) -> FloatArray:
    """Return (…, 3): a constant, the age and its square, centred at six years."""
    a = (np.asarray(age_years, np.float32) - 6) / 2
    return np.stack([np.ones_like(a), a, a * a], axis=-1)


@dataclass(frozen=True, eq=False)
class ConditionalNorm:
    """A Gaussian whose mean moves with age and category, with one shared precision.

    ``coefficients`` (3, d) give the mean by age; ``offsets`` (c, d) what a category adds, shrunk
    towards 0 for small categories; ``precision`` (d, d) is the inverse Ledoit–Wolf covariance of
    what remains. The distance is the squared Mahalanobis distance over d.
    """

    coefficients: FloatArray
    offsets: FloatArray
    precision: FloatArray
    precision_unnamed: FloatArray

    def distance(self, x: FloatArray, age_years: float, category: int | None) -> float:
        """How far ``x`` (d,) lies from what is usual; without a category, from all of that age."""
        rest = x - age_basis(age_years) @ self.coefficients
        precision = self.precision_unnamed
        if category is not None:
            rest, precision = rest - self.offsets[category], self.precision
        return float(rest @ precision @ rest) / len(x)


@dataclass(frozen=True, eq=False)
class AgeRegression:
    """Linear prediction of age, and what it says of children of a given age.

    ``expected`` (3,) gives the mean prediction for an age (shrunk towards the middle, as one
    drawing carries little age), ``spread`` its standard deviation.
    """

    weights: FloatArray
    intercept: float
    expected: FloatArray
    spread: float

    def predict(self, x: FloatArray) -> float:
        """Years."""
        return float(x @ self.weights) + self.intercept

    def surprise(self, x: FloatArray, age_years: float) -> float:
        """Distance of the prediction from the one expected at this age, in spreads."""
        return abs(self.predict(x) - float(age_basis(age_years) @ self.expected)) / self.spread


@dataclass(frozen=True, eq=False)
class CategoryClassifier:
    """Multinomial logistic regression, its temperature fitted on drawings not used to fit it."""

    weights: FloatArray
    intercepts: FloatArray
    temperature: float

    def log_probabilities(self, x: FloatArray) -> FloatArray:
        """Return (c,)."""
        logits = (x @ self.weights + self.intercepts) / self.temperature
        logits -= logits.max()
        return np.asarray(logits - np.log(np.exp(logits).sum()), np.float32)


@dataclass(frozen=True, eq=False)
class FoldNorms:
    """Everything fitted without one fold of the children, to be calibrated on that fold.

    ``centre`` and ``scale`` standardise the joined vector of deep features and marks; ``deep`` is
    how many of its entries are deep features. ``tails`` (4, q) holds, for each term, evenly spaced
    quantiles of its values, from which the combination reads how rare a value is.
    """

    centre: FloatArray
    scale: FloatArray
    deep: int
    typicality: ConditionalNorm
    marks: ConditionalNorm
    age: AgeRegression
    category: CategoryClassifier
    tails: FloatArray

    def standardise(self, x: FloatArray) -> FloatArray:
        """Return ``x`` in spreads from its mean, clipped so that one odd entry cannot rule."""
        return np.asarray(np.clip((x - self.centre) / self.scale, -6, 6), np.float32)
