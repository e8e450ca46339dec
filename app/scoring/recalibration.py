"""Local recalibration: p-values among an operator's own drawings, without fitting anything again.

A second conformal stage. The reference p-value of a drawing, among the references of its year of
age, is taken as its nonconformity: as it is relative to the age, local drawings of all ages can be
pooled, and sixty children are enough. Where reference p-values tie, as they do for a kind of
picture that the references make look rare throughout, the nonconformity score decides. Whatever
the references are, the result is valid among children exchangeable with the local ones, all ages
together; it is not promised for each age apart. Each child weighs one in total.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.scoring.assessment import TERMS
from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.norms import FloatArray


def _no_rows() -> FloatArray:
    return np.zeros((0, len(TERMS) + 1), np.float32)


def _no_children() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class LocalCalibration:
    """Local drawings as the references see them.

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

        A named drawing is compared without its category where too few local ones have one.
        """
        if place is not None and self.named.enough:
            return place, self.named
        return None, self.unnamed
