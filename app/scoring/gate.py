"""Is it a drawing at all? Asked before any norm is."""

from dataclasses import dataclass

import numpy as np

from app.scoring.norms import FloatArray

LIMIT_SHARE = 0.998  # of the pictures that a guard is measured on lie within its limits
LIMIT_SLACK = 1.25


@dataclass(frozen=True, eq=False)
class Gate:
    """Logistic regression between drawings and blank sheets, print, textures and photographs.

    ``threshold`` is set on drawings that were not used to fit it; ``threshold_unknown``, lower, is
    for pictures of a kind that the norms do not know, which have to look more like a drawing.
    """

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float
    threshold: float
    threshold_unknown: float

    def refuses(self, features: FloatArray, *, known: bool) -> bool:
        """Tell whether ``features`` (d,) look like something other than a drawing."""
        return self.logit(features) > (self.threshold if known else self.threshold_unknown)

    def logit(self, features: FloatArray) -> float:
        """Log-odds of not being a drawing."""
        x = np.clip((features - self.centre) / self.scale, -6, 6)
        return float(x @ self.weights) + self.intercept


@dataclass(frozen=True, eq=False)
class DomainGuard:
    """The most that each measure of the picture reaches among the pictures the norms come from."""

    name: str
    limits: FloatArray

    def widened(self, measures: FloatArray) -> "DomainGuard":
        """Match pictures with such measures (n, m) as well, as widely as those it was fitted on."""
        limits = np.quantile(measures, LIMIT_SHARE, axis=0) * LIMIT_SLACK
        return DomainGuard(self.name, np.maximum(self.limits, limits).astype(np.float32))

    def distance(self, measures: FloatArray) -> float:
        """Return 1.0 at the farthest that still matches."""
        return float((measures / self.limits).max())
