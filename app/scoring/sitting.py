"""Several drawings of one child: one p-value and one age, their dependence allowed for.

Drawings of a child resemble each other, so that n of them tell less than n drawings of n children.
Their p-values are turned into normal scores and summed (Stouffer's method), and the sum is scaled
by the spread it has if every two of them correlate as strongly as those of reference children may
(an upper bound). The scaled sum is then ranked among those of reference sittings of similar size,
which is valid whether or not normality holds (conformal prediction with sittings as the examples).
Where too few reference children drew more than once, twice the mean of the p-values is given: valid
under any dependence (Vovk & Wang 2020, *Combining p-values via averaging*), and blunt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import AgeEstimate, Assessment
from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.norms import FloatArray

LARGE = 4  # drawings from which on sittings are ranked among large ones
EXTREME = 0.001  # p-values among a few hundred children tell nothing beyond
LEAST_DEVIATION = 0.05  # years
_NORMAL = NormalDist()


class Method(StrEnum):
    """How the p-values of a sitting became one."""

    SINGLE = "single"
    CALIBRATED = "calibrated"
    TWICE_THE_MEAN = "twice_the_mean"


def _none() -> FloatArray:
    return np.zeros(0, np.float32)


def _no_sizes() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True)
class Combined:
    """One p-value for several drawings, and the smallest that could have been given."""

    p_value: float
    resolution: float
    method: Method


@dataclass(frozen=True, eq=False)
class SittingCalibration:
    """What several drawings of one reference child have in common.

    ``correlation`` is an upper bound for that of two normal scores of a child; ``scores`` (m,) are
    the scaled sums of the reference children that drew ``sizes`` (m,) drawings, two or more.
    """

    correlation: float = 1.0
    scores: FloatArray = field(default_factory=_none)
    sizes: NDArray[np.int32] = field(default_factory=_no_sizes)

    @property
    def known(self) -> bool:
        """Whether enough reference children drew more than once."""
        return len(self.scores) >= MINIMUM_CHILDREN

    def combine(self, p_values: Sequence[float], resolutions: Sequence[float]) -> Combined:
        """Combine at least one p-value; ``resolutions`` are the smallest that each could be."""
        if len(p_values) == 1:
            return Combined(p_values[0], resolutions[0], Method.SINGLE)
        if not self.known:
            return Combined(
                _twice_the_mean(p_values), _twice_the_mean(resolutions), Method.TWICE_THE_MEAN
            )
        peers = self._peers(len(p_values))
        score = scaled_sum(normal_scores(p_values), self.correlation)
        ranked = (1 + int((peers >= score).sum())) / (1 + len(peers))
        # Never below what independent drawings would give, which a usual sitting could get.
        normal = max(_tail(score), _tail(scaled_sum(normal_scores(p_values), 0)))
        return Combined(max(ranked, normal), 1 / (1 + len(peers)), Method.CALIBRATED)

    def _peers(self, size: int) -> FloatArray:
        """Scores of sittings on the same side of ``LARGE``; of all, if those are few."""
        similar = self.scores[(self.sizes >= LARGE) == (size >= LARGE)]
        return similar if len(similar) >= MINIMUM_CHILDREN else self.scores


@dataclass(frozen=True)
class SittingAge:
    """One age from several drawings of one child, by random effects.

    An estimate from one drawing is pulled towards the middle of all ages, since one drawing tells
    little; the mean of several would stay there with them. So the estimates are taken as
    ``centre_prediction + slope · (age − centre_age) + child + drawing``: the child's part is shared
    by all drawings and does not average out, the drawing's part does. The best linear prediction of
    the age from their mean then trusts them the more, the more there are, and its interval narrows
    towards a width that no number of drawings undercuts.

    Variances in years²; ``width`` is the half-width of the interval in standard deviations.

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
        """Return one estimate for all; ``None`` if there is none to combine."""
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


@dataclass(frozen=True, eq=False)
class Sittings:
    """What is known of several drawings by one child."""

    named: SittingCalibration = field(default_factory=SittingCalibration)
    unnamed: SittingCalibration = field(default_factory=SittingCalibration)
    age: SittingAge = field(default_factory=SittingAge)


@dataclass(frozen=True)
class SittingAssessment:
    """What is said of a sitting; ``drawings`` of it have a p-value, ``dated`` an apparent age.

    ``ages`` are those with norms, as in ``NormUsed``.
    """

    level: float
    drawings: int
    dated: int
    p_value: float | None = None
    resolution: float | None = None
    method: Method | None = None
    correlation: float | None = None
    apparent_age: AgeEstimate | None = None
    ages: tuple[int, int] | None = None

    @property
    def flagged(self) -> bool | None:
        """Whether the drawings together are rare; ``None`` if there was no comparison."""
        return None if self.p_value is None else self.p_value <= self.level


def assess_sitting(sittings: Sittings, assessments: Sequence[Assessment]) -> SittingAssessment:
    """Combine what was said of each drawing of one child, at least one."""
    compared = [a for a in assessments if a.p_value is not None]
    ages = [a.apparent_age for a in assessments if a.apparent_age is not None]
    level, age = assessments[0].level, sittings.age.combine(ages)
    if not compared:
        return SittingAssessment(level, 0, len(ages), apparent_age=age)
    calibration, combined = _combined(sittings, compared)
    return SittingAssessment(
        level,
        len(compared),
        len(ages),
        round(combined.p_value, 5),
        round(combined.resolution, 5),
        combined.method,
        round(calibration.correlation, 3) if combined.method is Method.CALIBRATED else None,
        age,
        compared[0].norm.ages,
    )


def _combined(
    sittings: Sittings, compared: list[Assessment]
) -> tuple[SittingCalibration, Combined]:
    """Of named and unnamed drawings together, the answer that claims less."""
    p_values = [a.p_value or 0.0 for a in compared]
    resolutions = [a.resolution or 0.0 for a in compared]
    kinds = {a.norm.category is not None for a in compared}
    answers = [
        (calibration, calibration.combine(p_values, resolutions))
        for calibration, named in ((sittings.named, True), (sittings.unnamed, False))
        if named in kinds
    ]
    return max(answers, key=lambda answer: answer[1].p_value)


def normal_scores(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Return the values of a standard normal that are as rare, (n,)."""
    inside = np.clip(np.asarray(p_values, np.float64), EXTREME, 1 - EXTREME)
    return np.array([-_NORMAL.inv_cdf(float(p)) for p in inside])


def scaled_sum(scores: FloatArray, correlation: float) -> float:
    """The sum of normal scores, in standard deviations of a sum of equally correlated ones."""
    count = len(scores)
    return float(scores.sum() / np.sqrt(count * (1 + (count - 1) * correlation)))


def _tail(score: float) -> float:
    return 1 - _NORMAL.cdf(score)


def _twice_the_mean(p_values: Sequence[float]) -> float:
    return min(1.0, 2 * float(np.mean(p_values)))


def _mean(ages: Sequence[AgeEstimate]) -> AgeEstimate:
    """Their mean, as unsure as one of them: how far their errors are shared is not known."""
    half = float(np.mean([(age.high - age.low) / 2 for age in ages]))
    return _estimate(float(np.mean([age.years for age in ages])), half)


def _estimate(years: float, half: float) -> AgeEstimate:
    return AgeEstimate(round(years, 2), round(years - half, 2), round(years + half, 2))
