import numpy as np
import pytest

from app.inference.bundle import Bundle
from app.scoring.conformal import Calibration
from app.scoring.sitting import Sittings
from app.training.fit import FittedNorms
from app.training.references import References
from app.training.sittings import fit_sittings, reference_p_values
from tests.support.data.bundles import BUNDLE


@pytest.fixture(scope="module")
def sittings() -> Sittings:
    """Fitted on the shipped calibration, with predictions that say nothing of the age."""
    norms = Bundle.open(BUNDLE).norms
    rng, count = np.random.default_rng(0), len(norms.unnamed.year)
    references = References(
        rng.normal(size=(count, len(norms.folds[0].centre))).astype(np.float32),
        norms.folds[0].deep,
        norms.unnamed.year.astype(np.float32),
        np.full(count, -1, np.int32),
        norms.unnamed.child,
        norms.categories,
        norms.has_norm,
        np.zeros((count, 0, 1), np.float32),
    )
    years = 6 + rng.normal(size=count) / 10
    fitted = FittedNorms(norms.folds, norms.named, norms.unnamed, years, norms.age_error)
    return fit_sittings(references, fitted)


def test_the_dependence_is_that_of_children_who_drew_more_than_once(sittings: Sittings) -> None:
    for calibration in (sittings.named, sittings.unnamed):
        assert calibration.known
        assert calibration.sizes.min() == 2
        assert 0 < calibration.correlation < 0.6


def test_predictions_that_say_nothing_of_the_age_give_an_interval_of_all_ages(
    sittings: Sittings,
) -> None:
    one = sittings.age.predict(sittings.age.centre_prediction + 1, 1)
    many = sittings.age.predict(sittings.age.centre_prediction + 1, 9)
    assert abs(one[0] - sittings.age.centre_age) < 1
    assert many[1] > 0.9 * sittings.age.age_variance**0.5


def test_a_reference_drawing_is_not_compared_with_those_of_its_own_child() -> None:
    child = np.r_[np.zeros(3), np.arange(1, 81)].astype(np.int32)
    scores = np.r_[9.0, 9.0, 9.0, np.zeros(80)][:, None]
    zeros = np.zeros(83, np.int32)
    p_values = reference_p_values(Calibration(scores, zeros, zeros, child))
    assert np.allclose(p_values[:3], 1 / 81)
    assert np.allclose(p_values[3:], 1)


def test_ages_of_few_children_have_no_reference_p_values() -> None:
    zeros = np.zeros(60, np.int32)
    scores, child = np.zeros((60, 1)), np.arange(60, dtype=np.int32)
    assert np.isnan(reference_p_values(Calibration(scores, zeros, zeros, child))).all()
