"""The reference drawings as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.scoring.norms import FloatArray
from app.training.variants import AUGMENTED, VARIANTS

IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class References:
    """``features`` (n, d), of which the first ``deep`` are deep; the others (n,).

    ``category`` is the place among ``categories`` or −1; ``has_norm`` (c,) tells which of these
    have norms of their own. ``variants`` (n, v, d) are the features of what ``VARIANTS`` names,
    made of each drawing: to fit with, never to calibrate with.
    """

    features: FloatArray
    deep: int
    age_years: FloatArray
    category: IntArray
    child: IntArray
    categories: tuple[str, ...]
    has_norm: BoolArray
    variants: FloatArray

    def some(self, member: BoolArray) -> "References":
        """Return the rows where ``member`` (n,) is true."""
        return References(
            self.features[member], self.deep, self.age_years[member], self.category[member],
            self.child[member], self.categories, self.has_norm, self.variants[member],
        )  # fmt: skip

    def variant(self, name: str) -> FloatArray:
        """Return the features of every variant of that name, (m, n, d), as many as were made."""
        made = [place for place, kind in enumerate(VARIANTS) if kind == name]
        return np.moveaxis(self.variants[:, made], 1, 0)

    @property
    def named(self) -> BoolArray:
        """Which drawings are of a category with norms of its own, (n,)."""
        own = np.append(self.has_norm, False)  # −1 reads the last
        return np.asarray(own[self.category], bool)

    @property
    def shown(self) -> FloatArray:
        """The drawings and their augmented copies, (m, n, d)."""
        return np.concatenate([self.features[None], self.variant(AUGMENTED)])

    @property
    def child_weight(self) -> NDArray[np.float64]:
        """One over the child's number of drawings, (n,)."""
        _, index, count = np.unique(self.child, return_inverse=True, return_counts=True)
        return np.asarray(1 / count[index], np.float64)
