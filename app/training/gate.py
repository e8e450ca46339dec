"""Fit the gate and the domain guard."""

import numpy as np

from app.scoring.gate import LIMIT_SHARE, LIMIT_SLACK, DomainGuard, Gate
from app.scoring.norms import FloatArray

REFUSED_DRAWINGS = 0.003  # share of the norms' own drawings that may be refused
REFUSED_OTHERS = 0.01  # and of other drawings: doodles, photographs of drawings
REFUSED_UNKNOWN = 0.02  # of these, if the picture is of a kind the norms do not know
_FOLDS = 5
_FLOORS = np.array([0.012, 0.03, 0.03, 0.06, 0.1, 0.03], np.float32)
DOMAIN = "finger-on-tablet line drawings"


def fit_gate(drawings: FloatArray, others: FloatArray, own: int, seed: int) -> Gate:
    """Fit on what is a drawing (n, g) and what is not (m, g).

    The first ``own`` drawings are the norms' own: the threshold is set on them, each judged by a
    gate that was fitted without it.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x = np.concatenate([drawings, others])
    truth = np.r_[np.zeros(len(drawings)), np.ones(len(others))]
    centre, scale = x.mean(0), x.std(0) + 1e-3
    z = np.clip((x - centre) / scale, -6, 6)
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    splits = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    unseen = cross_val_predict(model, z, truth, cv=splits, method="decision_function")
    threshold = max(
        float(np.quantile(unseen[:own], 1 - REFUSED_DRAWINGS)),
        float(np.quantile(unseen[own : len(drawings)], 1 - REFUSED_OTHERS)),
    )
    unknown = float(np.quantile(unseen[own : len(drawings)], 1 - REFUSED_UNKNOWN))
    model.fit(z, truth)
    return Gate(
        centre,
        scale,
        np.asarray(model.coef_[0], np.float32),
        float(model.intercept_[0]),
        threshold,
        min(threshold, unknown),
    )


def fit_guard(measures: FloatArray) -> DomainGuard:
    """Set each limit above nearly all of the pictures (n, m) that false flags are measured on.

    Clean line art has almost no variance in some measures; the floors keep a limit from being
    crossed by one grey pixel.
    """
    limits = np.maximum(np.quantile(measures, LIMIT_SHARE, axis=0) * LIMIT_SLACK, _FLOORS)
    return DomainGuard(DOMAIN, limits.astype(np.float32))
