"""One age from several drawings of one child, by random effects.

An estimate from one drawing is pulled towards the middle of all ages, since one drawing tells
little; the mean of several would stay there with them. So the estimates are taken as
``centre_prediction + slope · (age − centre_age) + child + drawing``: the child's part is shared by
all drawings and does not average out, the drawing's part does. The best linear prediction of the
age from their mean then trusts them the more, the more there are, and its interval narrows towards
a width that no number of drawings undercuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.scoring.assessment import AgeEstimate

LEAST_DEVIATION = 0.05  # years


@dataclass(frozen=True)
class SittingAge:
    """Variances in years²; ``width`` is the half-width of the interval in standard deviations.

    A ``width`` of 0 means that nothing is known of several drawings by one child.
    """

    centre_age: float = 0.0
    centre_prediction: float = 0.0
    slope: float = 0.0
    age_variance: float = 0.0
    child_variance: float = 0.0
    drawing_variance: float = 0.0
    width: float = 0.0

    def combine(self, ages: Sequence[AgeEstimate]) -> AgeEstimate | None:
        """Return one estimate for all; ``None`` where there is none to combine."""
        if not ages:
            return None
        if len(ages) == 1:
            return ages[0]
        if not self.width:
            return _mean(ages)
        years, deviation = self.predict(float(np.mean([a.years for a in ages])), len(ages))
        return _estimate(years, self.width * deviation)

    def predict(self, mean: float, drawings: int) -> tuple[float, float]:
        """From the mean of the estimates return an age and its standard deviation."""
        shared = self.slope * self.age_variance
        noise = self.child_variance + self.drawing_variance / drawings
        total = max(self.slope * shared + noise, 1e-9)
        years = self.centre_age + shared / total * (mean - self.centre_prediction)
        variance = self.age_variance - shared**2 / total
        return years, max(variance, LEAST_DEVIATION**2) ** 0.5


def _mean(ages: Sequence[AgeEstimate]) -> AgeEstimate:
    """Their mean, as unsure as one of them: how far their errors are shared is not known."""
    half = float(np.mean([(age.high - age.low) / 2 for age in ages]))
    return _estimate(float(np.mean([age.years for age in ages])), half)


def _estimate(years: float, half: float) -> AgeEstimate:
    return AgeEstimate(round(years, 2), round(years - half, 2), round(years + half, 2))
