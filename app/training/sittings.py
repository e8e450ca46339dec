"""What several drawings of one reference child have in common."""

import numpy as np

from app.scoring.norms import FloatArray
from app.scoring.sitting import Sittings
from app.scoring.sitting_fit import reference_p_values, sitting_age, sitting_calibration
from app.training.fit import FittedNorms, IntArray, References


def fit_sittings(references: References, fold: IntArray, fitted: FittedNorms) -> Sittings:
    """Fit on drawings judged by norms that have not seen their child."""
    named, unnamed = fitted.named, fitted.unnamed
    return Sittings(
        sitting_calibration(reference_p_values(named), named.child),
        sitting_calibration(reference_p_values(unnamed), unnamed.child),
        sitting_age(
            _predicted_ages(references, fold, fitted), references.age_years, references.child
        ),
    )


def _predicted_ages(references: References, fold: IntArray, fitted: FittedNorms) -> FloatArray:
    predicted = np.zeros(len(fold))
    for k, norms in enumerate(fitted.folds):
        x = norms.standardise(references.features[fold == k])
        predicted[fold == k] = x @ norms.age.weights + norms.age.intercept
    return predicted
