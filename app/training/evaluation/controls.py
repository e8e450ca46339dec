"""What simpler ways reach: a measure that does not beat its control says nothing."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.norms import FloatArray
from app.training.embed import Embedded
from app.training.evaluation.held_out import OUTER
from app.training.evaluation.made import KINDS, Made
from app.training.evaluation.statistics import auroc
from app.training.references import IntArray, References, folds_by_child

AXES = 64
HIDDEN = 64
_LEAST = 30  # drawings of an age for an autoencoder of its own


def controls(embedded: Embedded, made: Made, seed: int) -> dict[str, Any]:
    """Measure every control once."""
    references = embedded.references()
    outer = folds_by_child(list(embedded.drawings), OUTER, seed)
    return {
        "pen_width_alone": _pen_width(made),
        "unconditional_distance": _distance(references, outer, made),
        "autoencoder": _autoencoder(references, outer, made, seed),
        "median_age_mean_absolute_error": _median_age(references, outer),
    }


def _pen_width(made: Made) -> dict[str, float]:
    """Either way round: 0.5 is nothing."""
    found = {k: auroc(made.pens[:, 0], made.pens[:, 1 + i]) for i, k in enumerate(KINDS)}
    return {kind: round(max(value, 1 - value), 4) for kind, value in found.items()}


def _median_age(references: References, outer: IntArray) -> float:
    off = [
        np.abs(references.age_years[outer == k] - np.median(references.age_years[outer != k]))
        for k in range(OUTER)
    ]
    return round(float(np.concatenate(off).mean()), 4)


def _distance(references: References, outer: IntArray, made: Made) -> dict[str, float]:
    """Mahalanobis distance to all drawings, whatever the age and the category."""
    own = np.zeros(len(outer))
    spoilt = np.full(made.features.shape[:2], np.nan)
    for k in range(OUTER):
        known = references.features[outer != k]
        centre, scale = known.mean(0), known.std(0) + 1e-4
        x = np.clip((known - centre) / scale, -6, 6)
        _, axes = np.linalg.eigh(np.cov(x.T))
        axes = axes[:, ::-1][:, :AXES]
        spread = (x @ axes).std(0)
        for target, source in ((own, references.features), (spoilt, made.features)):
            z = np.clip((source[outer == k] - centre) / scale, -6, 6) @ axes / spread
            target[outer == k] = (z**2).sum(-1)
    return {kind: round(auroc(own, spoilt[:, i]), 4) for i, kind in enumerate(KINDS)}


def _autoencoder(
    references: References, outer: IntArray, made: Made, seed: int
) -> dict[str, float]:
    """One autoencoder for each age, on features and one-hot category: what it cannot copy."""
    year = references.age_years.astype(int)
    rng = np.random.default_rng(seed)
    columns = ("own", "wrong_category", *KINDS)
    error = {name: np.full(len(outer), np.nan) for name in columns}
    for k in range(OUTER):
        for age in np.unique(year):
            known, unseen = (outer != k) & (year == age), (outer == k) & (year == age)
            if known.sum() < _LEAST or not unseen.any():
                continue
            other = rng.integers(len(references.categories), size=int(unseen.sum()))
            asked = [
                _joined(references.features[unseen], references.category[unseen], references),
                _joined(references.features[unseen], other, references),
                *(
                    _joined(made.features[unseen, i], references.category[unseen], references)
                    for i in range(len(KINDS))
                ),
            ]
            own = _joined(references.features[known], references.category[known], references)
            for name, errors in zip(columns, _reconstruct(own, asked, seed), strict=True):
                error[name][unseen] = errors
    return {name: round(auroc(error["own"], error[name]), 4) for name in columns if name != "own"}


def _joined(
    features: FloatArray, category: NDArray[np.integer[Any]], references: References
) -> FloatArray:
    return np.concatenate([features, np.eye(len(references.categories))[category]], axis=1)


def _reconstruct(known: FloatArray, asked: list[FloatArray], seed: int) -> list[FloatArray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    centre, scale = known.mean(0), known.std(0) + 1e-2
    x = np.clip((known - centre) / scale, -6, 6)
    model = MLPRegressor(hidden_layer_sizes=(HIDDEN,), max_iter=40, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # forty rounds are what it gets
        model.fit(x, x)
    errors = []
    for rows in asked:
        z = np.clip((rows - centre) / scale, -6, 6)
        error = np.full(len(z), np.nan)
        seen = ~np.isnan(z).any(1)
        error[seen] = ((model.predict(z[seen]) - z[seen]) ** 2).mean(1)
        errors.append(error)
    return errors
