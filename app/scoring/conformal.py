"""p-values by cross-conformal prediction within a year of age, children weighted equally.

Each fold of children is scored by norms fitted without it (split conformal prediction: Vovk,
Gammerman & Shafer 2005; Laxhammar & Falkman 2010), and the folds are pooled (cross-conformal
prediction: Vovk 2015). Ages are Mondrian categories. Drawings of one child are not exchangeable
with those of others, so a child with n drawings lends each the weight 1/n (hierarchical conformal
prediction: Lee, Barber & Willett 2023).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.scoring.norms import FloatArray

MINIMUM_CHILDREN = 60


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of the reference drawings, each by the norms that have not seen its child.

    ``scores`` is (n, c): the terms and their combination; ``fold``, ``year`` and ``child`` are (n,)
    integers.
    """

    scores: FloatArray
    fold: NDArray[np.int32]
    year: NDArray[np.int32]
    child: NDArray[np.int32]

    def group(self, year: int) -> "Group":
        """Return the references of one completed year of age."""
        return self._groups.get(year) or self._chosen(year)

    @cached_property
    def _groups(self) -> dict[int, "Group"]:
        return {int(year): self._chosen(int(year)) for year in np.unique(self.year)}

    def _chosen(self, year: int) -> "Group":
        member = self.year == year
        _, index, drawings = np.unique(self.child[member], return_inverse=True, return_counts=True)
        return Group(self.scores[member], self.fold[member], 1 / drawings[index], len(drawings))


@dataclass(frozen=True, eq=False)
class Group:
    """The references of one year of age; ``weight`` (n,) sums to ``children``."""

    scores: FloatArray
    fold: NDArray[np.int32]
    weight: NDArray[np.float64]
    children: int

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
