"""Ranks, agreement and intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.scoring.norms import FloatArray

INTERVAL = (0.025, 0.975)
REPEATS = 200


def auroc(usual: FloatArray, unusual: FloatArray) -> float:
    """Chance that an unusual value exceeds a usual one, ties counting half; ``nan`` for none."""
    usual, unusual = usual[~np.isnan(usual)], unusual[~np.isnan(unusual)]
    if not len(usual) or not len(unusual):
        return float("nan")
    order = np.sort(usual)
    below, upto = np.searchsorted(order, unusual), np.searchsorted(order, unusual, side="right")
    return float((below + upto).mean() / (2 * len(usual)))


def spearman(x: FloatArray, y: FloatArray) -> float:
    """Rank correlation over the rows where both are known."""
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 3:  # two points always lie on a line
        return float("nan")
    return float(np.corrcoef(_ranks(x[known]), _ranks(y[known]))[0, 1])


def interval_by_child(
    measure: Callable[[NDArray[np.intp]], float], child: NDArray[np.int32], seed: int
) -> tuple[float, float]:
    """Bootstrap ``measure(rows)`` over children, whose drawings go in or stay out together."""
    rng = np.random.default_rng(seed)
    rows = {c: np.flatnonzero(child == c) for c in np.unique(child)}
    names = np.array(list(rows))
    values = [
        measure(np.concatenate([rows[c] for c in rng.choice(names, len(names))]))
        for _ in range(REPEATS)
    ]
    low, high = np.nanquantile(values, INTERVAL)
    return round(float(low), 4), round(float(high), 4)


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 0, ties sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count + 1) / 2)[place])
