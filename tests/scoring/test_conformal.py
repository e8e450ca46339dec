from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.conformal import Calibration, weighted_quantile


def calibration(rng: np.random.Generator, children: int, folds: int = 5) -> Calibration:
    """Children with one to six drawings whose scores lean the child's way."""
    drawings = rng.integers(1, 7, children)
    child = np.repeat(np.arange(children), drawings).astype(np.int32)
    lean = rng.normal(size=children)[child]
    scores = (lean + rng.normal(size=len(child)))[:, None] * np.ones(5)
    year = np.full(len(child), 5, np.int32)
    return Calibration(scores, (child % folds).astype(np.int32), year, child)


def test_p_values_of_new_children_are_uniform_although_some_children_drew_more() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(150):
        group = calibration(rng, 120).group(5)
        scores = rng.normal(size=(20, 1)) + rng.normal(size=(20, 1))
        p_values += [float(group.p_values(np.tile(s, (5, 5)))[4]) for s in scores]
    counts, _ = np.histogram(p_values, 10, (0, 1))
    assert (np.abs(counts / len(p_values) - 0.1) < 0.025).all()


def test_a_child_with_many_drawings_counts_as_much_as_one_with_a_single() -> None:
    child = np.array([0] * 9 + [1], np.int32)
    scores = np.where(child == 0, 2.0, 0.0)[:, None] * np.ones(5)
    group = Calibration(scores, np.zeros(10, np.int32), np.full(10, 6, np.int32), child).group(6)
    assert group.p_values(np.ones((1, 5)))[4] == np.float32(2 / 3)
    assert group.children == 2


@given(st.integers(1, 60), st.integers(0, 2**31))
def test_p_values_never_fall_below_the_resolution_nor_rise_with_the_score(
    children: int, seed: int
) -> None:
    group = calibration(np.random.default_rng(seed), children).group(5)
    grid = [float(group.p_values(np.full((5, 5), s))[4]) for s in np.linspace(-9, 9, 13)]
    assert all(a >= b for a, b in pairwise(grid))
    assert group.resolution <= min(grid) * (1 + 1e-5)
    assert max(grid) <= 1 + 1e-6


def test_an_undefined_term_has_no_p_value() -> None:
    group = calibration(np.random.default_rng(0), 30).group(5)
    scores = np.zeros((5, 5))
    scores[:, 3] = np.nan
    assert np.isnan(group.p_values(scores)).tolist() == [False, False, False, True, False]


def test_the_age_interval_holds_the_promised_share_of_children() -> None:
    values = np.arange(1, 101, dtype=float)
    assert weighted_quantile(values, np.ones(100), 0.8) == 81
