"""How little a drawing conforms, and p-values from that by cross-conformal prediction.

Six terms say how little it conforms:

* typicality: its look, given age and category (deep features);
* marks: its strokes and layout, given age and category (pen-independent statistics);
* age: how far the age it looks like is from the one expected at the declared age;
* category: how much likelier another category is than the declared one;
* parts: how much it looks as if something were missing or had been added;
* orientation: how much likelier it is turned than upright.

Their combination is Fisher's: a weighted sum of −log of each term's tail share. It needs no
independence here, as its own distribution is calibrated afterwards.

p-values are within a year of age, children weighted equally. Each fold of children is scored by
norms fitted without it (split conformal prediction: Vovk, Gammerman & Shafer 2005; Laxhammar &
Falkman 2010), and the folds are pooled (cross-conformal prediction: Vovk 2015). Ages are Mondrian
categories. Drawings of one child are not exchangeable with those of others, so a child with n
drawings lends each the weight 1/n (hierarchical conformal prediction: Lee, Barber & Willett 2023).

``LocalCalibration`` is a second stage, for an operator's own drawings.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import TERMS
from app.scoring.norms import Discriminant, FloatArray, FoldNorms, Reading

MINIMUM_CHILDREN = 60
WEIGHTS = np.array([0.2, 0.3, 0.3, 1.2, 6, 4.4], np.float32)
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
    for weight, quantiles, term in zip(WEIGHTS.tolist(), tails, terms.tolist(), strict=True):
        if not math.isnan(term):
            total -= weight * math.log(_share_above(quantiles, term))
    return total


def _share_above(quantiles: FloatArray, term: float) -> float:
    """Tail share, interpolated; beyond the last quantile it falls on slowly, never to a tie."""
    count, last = len(quantiles), quantiles.item(-1)
    reached = int(quantiles.searchsorted(term, "right"))
    inside, beyond = float(reached > 0), 0.0
    if 0 < reached < count:
        low, high = quantiles[reached - 1 : reached + 1].tolist()
        inside = (reached - 1 + (term - low) / (high - low)) / (count - 1)
    elif reached:
        beyond = (term - last) / ((last - quantiles.item(count // 2)) or 1.0)
    return (1 - inside + 1 / count) / (1 + 1 / count) / (1 + beyond)


def _margin(discriminant: Discriminant, log_probabilities: FloatArray, category: int) -> float:
    """By how much another category is likelier, were all equally common to begin with."""
    fits = log_probabilities - discriminant.log_shares / discriminant.temperature
    others = np.concatenate([fits[:category], fits[category + 1 :]])
    return float(others.max() - fits[category]) if len(others) else 0.0


def _not_whole(log_probabilities: FloatArray) -> float:
    whole, *damaged = log_probabilities
    return float(np.logaddexp.reduce(damaged) - whole)


def _not_recorded() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of the reference drawings, each by the norms that have not seen its child.

    ``scores`` is (n, c): the terms and their combination; ``fold``, ``year`` and ``child`` are (n,)
    integers, and so is ``category``, the place of what each shows: −1 for none, empty if that was
    not recorded.
    """

    scores: FloatArray
    fold: NDArray[np.int32]
    year: NDArray[np.int32]
    child: NDArray[np.int32]
    category: NDArray[np.int32] = field(default_factory=_not_recorded)

    def group(self, year: int) -> "Group":
        """Return the references of one completed year of age."""
        return self._groups.get(year) or self._chosen(year)

    @cached_property
    def _groups(self) -> dict[int, "Group"]:
        return {int(year): self._chosen(int(year)) for year in np.unique(self.year)}

    def _chosen(self, year: int) -> "Group":
        member = self.year == year
        _, index, drawings = np.unique(self.child[member], return_inverse=True, return_counts=True)
        category = self.category[member] if len(self.category) else self.category
        return Group(
            self.scores[member], self.fold[member], 1 / drawings[index], len(drawings), category
        )


@dataclass(frozen=True, eq=False)
class Group:
    """The references of one year of age; ``weight`` (n,) sums to ``children``."""

    scores: FloatArray
    fold: NDArray[np.int32]
    weight: NDArray[np.float64]
    children: int
    category: NDArray[np.int32] = field(default_factory=_not_recorded)

    def showing(self, category: int | None) -> int | None:
        """Count the drawings of a category; ``None`` for none, or if it was not recorded."""
        if category is None or not len(self.category):
            return None
        return int((self.category == category).sum())

    @property
    def resolution(self) -> float:
        """The smallest p-value this group can give."""
        return 1 / (1 + self.children)

    def p_values(self, scores: FloatArray) -> FloatArray:
        """From ``scores`` (folds, c), by each fold's norms, return (c,); ``nan``: undefined."""
        return np.asarray((1 + self._at_least(scores)) / (1 + self.children), np.float32)

    def percentile(self, scores: FloatArray) -> float:
        """Share of the children, in percent, whose drawing is less unusual altogether."""
        return 100 * (1 - float(self._at_least(scores)[-1]) / self.children)

    def _at_least(self, scores: FloatArray) -> NDArray[np.float64]:
        reached = self.scores >= scores[self.fold]
        weighed = self.weight @ reached
        return np.where(np.isnan(scores[0]), np.nan, weighed)


def weighted_quantile(values: FloatArray, weight: NDArray[np.float64], share: float) -> float:
    """Return the smallest value that a ``share`` of the weight, plus one newcomer, stays under."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) >= share * (weight.sum() + 1)
    return float(values[order][reached][0]) if reached.any() else float(values.max())


def _no_rows() -> FloatArray:
    return np.zeros((0, len(TERMS) + 1), np.float32)


def _no_children() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class LocalCalibration:
    """Local recalibration: p-values among an operator's own drawings, nothing fitted again.

    The reference p-value of a drawing, among the references of its year of age, is taken as its
    nonconformity: as it is relative to the age, local drawings of all ages can be pooled, and sixty
    children are enough. Where reference p-values tie, as they do for a kind of picture that the
    references make look rare throughout, the nonconformity score decides. Whatever the references
    are, the result is valid among children exchangeable with the local ones, all ages together; it
    is not promised for each age apart. Each child weighs one in total.

    ``p_values`` (n, c) are reference p-values, ``scores`` (n, c) the nonconformity scores averaged
    over the folds, one column a term and the combination last; ``child`` is (n,).
    """

    p_values: FloatArray = field(default_factory=_no_rows)
    scores: FloatArray = field(default_factory=_no_rows)
    child: NDArray[np.int32] = field(default_factory=_no_children)

    @property
    def children(self) -> int:
        """How many children drew them."""
        return len(np.unique(self.child))

    @property
    def enough(self) -> bool:
        """Whether p-values can be given from them."""
        return self.children >= MINIMUM_CHILDREN

    @property
    def resolution(self) -> float:
        """The smallest p-value they can give."""
        return 1 / (1 + self.children)

    def local_p_values(self, p_values: FloatArray, scores: FloatArray) -> FloatArray:
        """From a drawing's reference p-values and scores (c,) return (c,); ``nan``: undefined."""
        at_least = self._at_least(p_values, scores)
        return np.asarray((1 + at_least) / (1 + self.children), np.float32)

    def percentile(self, p_values: FloatArray, scores: FloatArray) -> float:
        """Share of the local children, in percent, whose drawing is less unusual altogether."""
        return 100 * (1 - float(self._at_least(p_values, scores)[-1]) / self.children)

    def _at_least(self, p_values: FloatArray, scores: FloatArray) -> NDArray[np.float64]:
        tied = self.p_values == p_values
        reached = (self.p_values < p_values) | (tied & (self.scores >= scores))
        return np.where(np.isnan(p_values), np.nan, self._weight @ reached)

    @property
    def _weight(self) -> NDArray[np.float64]:
        _, index, count = np.unique(self.child, return_inverse=True, return_counts=True)
        return np.asarray(1 / count[index], np.float64)


def local_scores(scores: FloatArray) -> FloatArray:
    """From a drawing's scores by each fold (folds, c) return (c,), to break ties by."""
    return np.asarray(scores.mean(0), np.float32)


@dataclass(frozen=True, eq=False)
class LocalNorms:
    """An operator's own drawings; those with a category are calibrated apart.

    ``unnamed`` holds all of them, compared without their categories. No drawings: no local norms.
    """

    name: str = ""
    named: LocalCalibration = field(default_factory=LocalCalibration)
    unnamed: LocalCalibration = field(default_factory=LocalCalibration)

    @property
    def present(self) -> bool:
        """Whether drawings are to be compared with these."""
        return self.unnamed.enough

    def chosen(self, place: int | None) -> tuple[int | None, LocalCalibration]:
        """Return the category that can be used, and the drawings to compare with.

        A named drawing is compared without its category if too few local ones have one.
        """
        if place is not None and self.named.enough:
            return place, self.named
        return None, self.unnamed
