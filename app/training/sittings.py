"""What several drawings of one reference child have in common."""

from app.scoring.sitting import Sittings
from app.scoring.sitting_fit import reference_p_values, sitting_age, sitting_calibration
from app.training.fit import FittedNorms
from app.training.references import References


def fit_sittings(references: References, fitted: FittedNorms) -> Sittings:
    """Fit on drawings judged by norms that have not seen their child."""
    named, unnamed = fitted.named, fitted.unnamed
    return Sittings(
        sitting_calibration(reference_p_values(named), named.child),
        sitting_calibration(reference_p_values(unnamed), unnamed.child),
        sitting_age(fitted.years, references.age_years, references.child),
    )
