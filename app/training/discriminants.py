"""Linear discriminant analysis with a shrunk covariance, in closed form.

On these features it is as good as logistic regression (docs/training.md) in a tenth of the time.
``pens`` (d, d) is what other pens change, which counts as spread within every class.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.norms import DAMAGE, Discriminant, FloatArray, Orientation
from app.training.examples import SIDEWAYS, UPSIDE_DOWN
from app.training.references import IntArray, References

SHRINKAGE = 0.2  # of a covariance towards a sphere
SHRINKAGE_BY_CATEGORY = 0.4
SHRINK_CATEGORY = 3  # drawings' worth of belief that a category looks as all do
SHRINK_ORIENTATION = 15  # drawings' worth of belief that a category turns as all do
DAMAGED = (0.5, 0.15, 0.05, 0.15, 0.15)  # how often each of DAMAGE is expected: it sets no p-value
TURNED = (0.1, 0.1)  # upside down and sideways, against upright
UNSEEN_SHARE = 1e-6  # of a category that these folds do not have
LEAST, MOST, STEPS = 0.5, 12.0, 60  # temperatures


def fit_category(
    shown: FloatArray, fit: References, pens: FloatArray | float = 0.0
) -> Discriminant:
    """Fit on the drawings and their augmented copies, (m, n, d)."""
    known = fit.category >= 0
    label = np.tile(fit.category[known], len(shown))
    count = np.bincount(label, minlength=len(fit.categories))
    shares = np.where(count, count / max(1, len(label)), UNSEEN_SHARE)
    belief = SHRINK_CATEGORY * len(shown)
    return _discriminant(shown[:, known].reshape(len(label), -1), label, shares, pens, belief)


def fit_parts(
    whole: FloatArray, damaged: Sequence[FloatArray], pens: FloatArray | float = 0.0
) -> Discriminant:
    """Fit on whole drawings (n, d) and, for each further kind of DAMAGE, (m, n, d)."""
    stacks = [whole[None], *damaged]
    x = np.concatenate([stack.reshape(-1, whole.shape[1]) for stack in stacks])
    label = np.repeat(np.arange(len(DAMAGE)), [len(s) * len(whole) for s in stacks])
    return _discriminant(x, label, np.array(DAMAGED), pens)


def fit_orientation(
    fit: References,
    upright: FloatArray,
    turned: Sequence[FloatArray],
    pens: FloatArray | float = 0.0,
) -> Orientation:
    """Fit on upright drawings (n, d) and, upside down and sideways, (m, n, d)."""
    means, rests = zip(
        *(_means_by_category(stack, fit) for stack in (upright[None], *turned)), strict=True
    )
    precision = _precision(np.concatenate(rests), SHRINKAGE_BY_CATEGORY, pens)
    standing, *others = (m @ precision for m in means)
    level, *levels = (
        -0.5 * (m * w).sum(1) for m, w in zip(means, (standing, *others), strict=True)
    )
    return Orientation(
        np.stack([w - standing for w in others], 1).astype(np.float32),
        np.stack([i - level + np.log(s) for i, s in zip(levels, TURNED, strict=True)], 1).astype(
            np.float32
        ),
    )


def with_temperature(fitted: Discriminant, x: FloatArray, truth: IntArray) -> Discriminant:
    """Pick the temperature under which the true classes of unseen ``x`` (n, d) are likeliest."""
    if not len(truth):
        return fitted
    candidates = [replace(fitted, temperature=float(t)) for t in np.geomspace(LEAST, MOST, STEPS)]
    rows = np.arange(len(truth))
    likelihood = [c.log_probabilities(x)[rows, truth].mean() for c in candidates]
    return candidates[int(np.argmax(likelihood))]


def turned_variants(fit: References) -> tuple[FloatArray, FloatArray]:
    """Return the drawings upside down and sideways, (m, n, d) each."""
    return fit.variant(UPSIDE_DOWN), fit.variant(SIDEWAYS)


def _discriminant(
    x: FloatArray,
    label: NDArray[np.integer[Any]],
    shares: FloatArray,
    pens: FloatArray | float,
    belief: float = 0.0,
) -> Discriminant:
    overall = x.mean(0)
    means = np.tile(overall, (len(shares), 1))
    for place in np.unique(label):
        member = label == place
        trust = member.sum() / (member.sum() + belief)
        means[place] += trust * (x[member].mean(0) - overall)
    precision = _precision(x - means[label], SHRINKAGE, pens)
    weights = precision @ (means - overall).T
    intercepts = np.log(shares) - 0.5 * ((means - overall) @ weights).diagonal() - overall @ weights
    return Discriminant(
        weights.astype(np.float32),
        intercepts.astype(np.float32),
        np.log(shares).astype(np.float32),
        1.0,
    )


def _precision(rest: FloatArray, shrinkage: float, pens: FloatArray | float) -> FloatArray:
    covariance = rest.T.astype(np.float64) @ rest / len(rest)
    size = len(covariance)
    sphere = np.trace(covariance) / size * np.eye(size)
    return np.asarray(np.linalg.inv((1 - shrinkage) * covariance + shrinkage * sphere + pens))


def _means_by_category(stack: FloatArray, fit: References) -> tuple[FloatArray, FloatArray]:
    """Return means (c + 1, d), shrunk to that of all, which comes last, and what they leave over.

    Only the first of the stack's copies is used for the rest: copies are not independent.
    """
    overall = stack.mean((0, 1))
    means = np.tile(overall, (len(fit.categories) + 1, 1))
    for place in range(len(fit.categories)):
        member = fit.category == place
        if count := int(member.sum()):
            trust = count / (count + SHRINK_ORIENTATION)
            means[place] += trust * (stack[:, member].mean((0, 1)) - overall)
    return means, stack[0] - means[fit.category]
