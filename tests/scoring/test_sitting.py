from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.assessment import AgeEstimate, Reason
from app.scoring.sitting import (
    Method,
    SittingAge,
    SittingCalibration,
    Sittings,
    assess_sitting,
    normal_scores,
    scaled_sum,
)
from app.training.sittings import sitting_age, sitting_calibration
from tests.support.data.analyzers import compared, withheld

NORMAL = NormalDist()
RESOLUTION = 0.004
some_p_values = st.lists(st.floats(0.004, 0.996), min_size=2, max_size=8)


def p_values_of(rng: np.random.Generator, sizes: np.ndarray, correlation: float) -> np.ndarray:
    """Uniform p-values, correlated within each child."""
    child = np.repeat(np.arange(len(sizes)), sizes)
    shared = rng.normal(size=len(sizes))[child] * correlation**0.5
    scores = shared + rng.normal(size=len(child)) * (1 - correlation) ** 0.5
    return np.array([1 - NORMAL.cdf(z) for z in scores])


def calibration(correlation: float = 0.3, children: int = 200, seed: int = 1) -> SittingCalibration:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, children)
    child = np.repeat(np.arange(children), sizes).astype(np.int32)
    return sitting_calibration(p_values_of(rng, sizes, correlation), child)


CALIBRATION = calibration()


@pytest.mark.parametrize("size", [2, 3, 5, 6])
def test_usual_children_are_flagged_no_more_often_for_drawing_more(size: int) -> None:
    rng = np.random.default_rng(size)
    flagged = []
    for seed in range(10):
        calibrated = calibration(seed=seed)
        p_values = p_values_of(rng, np.full(150, size), 0.3).reshape(150, size)
        flagged += [
            calibrated.combine(list(p), [RESOLUTION] * size).p_value <= 0.05 for p in p_values
        ]
    assert np.mean(flagged) <= 0.06


def test_the_correlation_allowed_for_is_rather_too_high_than_too_low() -> None:
    bounds = [calibration(correlation=0.3, seed=seed).correlation for seed in range(20)]
    assert np.mean([bound >= 0.3 for bound in bounds]) >= 0.8
    assert max(bounds) < 0.6


@given(some_p_values)
def test_a_combined_p_value_is_never_below_what_independent_drawings_would_give(
    p_values: list[float],
) -> None:
    independent = 1 - NORMAL.cdf(scaled_sum(normal_scores(p_values), 0))
    combined = CALIBRATION.combine(p_values, [RESOLUTION] * len(p_values))
    assert combined.p_value >= independent - 1e-12
    assert combined.resolution <= combined.p_value <= 1


@given(some_p_values, st.floats(0.01, 1))
def test_a_rarer_drawing_never_makes_the_sitting_more_usual(
    p_values: list[float], factor: float
) -> None:
    def combined(first: float) -> float:
        several = [first, *p_values[1:]]
        return CALIBRATION.combine(several, [RESOLUTION] * len(several)).p_value

    assert combined(p_values[0] * factor) <= combined(p_values[0])


@given(some_p_values)
def test_where_the_dependence_is_unknown_twice_the_mean_holds(p_values: list[float]) -> None:
    combined = SittingCalibration().combine(p_values, [RESOLUTION] * len(p_values))
    assert combined.method is Method.TWICE_THE_MEAN
    assert combined.p_value == min(1, 2 * float(np.mean(p_values)))


def test_one_drawing_alone_keeps_its_p_value() -> None:
    sitting = assess_sitting(Sittings(CALIBRATION, CALIBRATION), [compared(0.031)])
    assert (sitting.p_value, sitting.method, sitting.flagged) == (0.031, Method.SINGLE, True)


def test_few_children_who_drew_more_than_once_tell_nothing_of_the_dependence() -> None:
    assert not calibration(children=59).known


def test_large_sittings_are_ranked_among_large_ones() -> None:
    scores = np.r_[np.full(60, -9.0), np.full(60, 9.0)]
    sizes = np.repeat(np.array([2, 4], np.int32), 60)
    both = SittingCalibration(0.2, scores, sizes)
    assert both.combine([0.01] * 3, [RESOLUTION] * 3).p_value < 0.05
    assert both.combine([0.01] * 4, [RESOLUTION] * 4).p_value == 1


def test_of_named_and_unnamed_drawings_together_the_answer_that_claims_less_is_given() -> None:
    blunt = SittingCalibration(0.3, CALIBRATION.scores + 9, CALIBRATION.sizes)
    drawings = [compared(0.02), compared(0.02, category=None)]
    for sittings in (Sittings(CALIBRATION, blunt), Sittings(blunt, CALIBRATION)):
        assert assess_sitting(sittings, drawings).p_value == 1
    named = assess_sitting(Sittings(CALIBRATION, blunt), drawings[:1] * 2)
    assert named.p_value is not None
    assert named.p_value < 0.1


def test_drawings_without_a_p_value_do_not_count() -> None:
    sittings = Sittings(CALIBRATION, CALIBRATION)
    both = assess_sitting(sittings, [compared(0.02), withheld(Reason.UNCLEAR_STROKES)])
    assert (both.drawings, both.dated, both.p_value) == (1, 1, 0.02)
    none = assess_sitting(sittings, [withheld(Reason.UNCLEAR_STROKES)])
    assert (none.drawings, none.p_value, none.flagged) == (0, None, None)


AGE = SittingAge(6.0, 6.0, 0.5, 2.0, 0.05, 0.5, 1.3)


def test_the_age_interval_narrows_with_every_drawing_but_slower_than_their_root() -> None:
    ages = [AgeEstimate(6.5, 4.5, 8.5)]
    widths = [_width(AGE.combine(ages * n)) for n in (2, 4, 8, 16)]
    assert all(a > b > a / 2**0.5 for a, b in pairwise(widths))


def test_several_drawings_that_look_young_make_the_estimate_younger_than_one_does() -> None:
    young = [AgeEstimate(5.0, 3.0, 7.0)]
    several = AGE.combine(young * 8)
    assert several is not None
    assert several.years < 5.0


def test_without_reference_sittings_the_mean_age_is_as_unsure_as_one() -> None:
    combined = SittingAge().combine([AgeEstimate(5.0, 3.0, 7.0), AgeEstimate(7.0, 5.0, 9.0)])
    assert combined == AgeEstimate(6.0, 4.0, 8.0)


def test_the_age_interval_holds_the_promised_share_of_unseen_children() -> None:
    fitted, unseen = _ages(np.random.default_rng(1)), _ages(np.random.default_rng(2))
    age = sitting_age(*fitted)
    predicted, truth, child = unseen
    held = []
    for one in np.unique(child):
        mine = child == one
        years, deviation = age.predict(float(predicted[mine].mean()), int(mine.sum()))
        held.append(abs(years - truth[mine][0]) <= age.width * deviation)
    assert abs(np.mean(held) - 0.8) < 0.06


def _ages(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = rng.integers(2, 7, 400)
    child = np.repeat(np.arange(400), sizes).astype(np.int32)
    truth = rng.uniform(4, 9, 400)[child]
    lean = rng.normal(0, 0.3, 400)[child]
    return 6.5 + 0.3 * (truth - 6.5) + lean + rng.normal(0, 0.6, len(child)), truth, child


def _width(age: AgeEstimate | None) -> float:
    assert age is not None
    return age.high - age.low
