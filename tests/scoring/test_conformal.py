"""Conformal p-values among the references, and among an operator's own drawings."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.inference.bundle import load_arrays, save_arrays
from app.scoring.assessment import TERMS
from app.scoring.conformal import Calibration, LocalCalibration, LocalNorms, weighted_quantile

COLUMNS = len(TERMS) + 1


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


def draw(
    rng: np.random.Generator, children: int, shift: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reference p-values, scores and children of a kind that the references find rare."""
    drawings = rng.integers(1, 6, children)
    child = np.repeat(np.arange(children), drawings).astype(np.int32)
    score = shift + rng.normal(size=children)[child] + rng.normal(size=len(child))
    p_values = np.ceil(20 / (1 + np.exp(2 * score))) / 20  # coarse: many tie
    wide = np.ones(COLUMNS)
    return p_values[:, None] * wide, score[:, None] * wide, child


def local(rng: np.random.Generator, children: int, shift: float = 1.0) -> LocalCalibration:
    return LocalCalibration(*draw(rng, children, shift))


def test_p_values_of_new_local_children_are_uniform_although_the_references_find_them_rare() -> (
    None
):
    rng = np.random.default_rng(0)
    given_out = []
    for _ in range(120):
        calibration = local(rng, 80, shift=2.0)
        p_values, scores, child = draw(rng, 30, shift=2.0)
        one_each = np.unique(child, return_index=True)[1]
        given_out += [calibration.local_p_values(p_values[i], scores[i])[-1] for i in one_each]
    counts, _ = np.histogram(given_out, 10, (0, 1))
    assert (np.abs(counts / len(given_out) - 0.1) < 0.025).all()


@given(st.integers(1, 90), st.integers(0, 2**31))
def test_a_drawing_rarer_among_the_references_is_never_more_usual_here(
    children: int, seed: int
) -> None:
    calibration = local(np.random.default_rng(seed), children)
    grid = [
        float(calibration.local_p_values(np.full(COLUMNS, p), np.zeros(COLUMNS))[-1])
        for p in np.linspace(1, 0, 11)
    ]
    assert all(a >= b for a, b in pairwise(grid))
    assert calibration.resolution <= min(grid) * (1 + 1e-5)
    assert max(grid) <= 1 + 1e-6


@given(st.floats(0.01, 1), st.integers(0, 2**31))
def test_the_percentile_says_the_same_as_the_p_value(p_value: float, seed: int) -> None:
    calibration = local(np.random.default_rng(seed), 70)
    of = np.full(COLUMNS, p_value), np.zeros(COLUMNS)
    at_least = float(calibration.local_p_values(*of)[-1]) * 71 - 1
    assert np.isclose(calibration.percentile(*of), 100 * (1 - at_least / 70), atol=1e-3)


def test_of_drawings_that_tie_among_the_references_the_higher_score_is_rarer() -> None:
    tied = np.full((3, COLUMNS), 0.05)
    scores = np.array([1.0, 2.0, 3.0])[:, None] * np.ones(COLUMNS)
    calibration = LocalCalibration(tied, scores, np.arange(3, dtype=np.int32))
    middle = calibration.local_p_values(tied[0], np.full(COLUMNS, 2.5))
    assert middle[-1] == np.float32(2 / 4)


def test_a_local_child_with_many_drawings_counts_as_much_as_one_with_a_single() -> None:
    child = np.array([0] * 9 + [1], np.int32)
    p_values = np.where(child == 0, 0.1, 0.9)[:, None] * np.ones(COLUMNS)
    calibration = LocalCalibration(p_values, np.zeros((10, COLUMNS)), child)
    p_value = calibration.local_p_values(np.full(COLUMNS, 0.5), np.zeros(COLUMNS))[-1]
    assert p_value == np.float32(2 / 3)
    assert calibration.children == 2


def test_a_term_that_the_references_leave_undefined_stays_so() -> None:
    calibration = local(np.random.default_rng(0), 60)
    p_values = np.full(COLUMNS, 0.5)
    p_values[3] = np.nan
    undefined = np.isnan(calibration.local_p_values(p_values, np.zeros(COLUMNS)))
    assert undefined.tolist() == [column == 3 for column in range(COLUMNS)]


def test_fifty_nine_children_are_not_enough() -> None:
    assert not local(np.random.default_rng(0), 59).enough
    assert local(np.random.default_rng(0), 60).enough


def test_a_category_is_left_aside_where_few_local_drawings_have_one() -> None:
    rng = np.random.default_rng(0)
    many, few = local(rng, 60), local(rng, 20)
    assert LocalNorms("here", many, many).chosen(3) == (3, many)
    assert LocalNorms("here", few, many).chosen(3) == (None, many)


def test_local_norms_and_their_absence_survive_being_written(tmp_path: Path) -> None:
    for norms in (LocalNorms(), LocalNorms("here", *[local(np.random.default_rng(1), 60)] * 2)):
        save_arrays(tmp_path / "local.npz", norms)
        again = load_arrays(tmp_path / "local.npz", LocalNorms)
        assert (again.name, again.present) == (norms.name, norms.present)
        assert np.array_equal(again.unnamed.p_values, norms.unnamed.p_values)


def test_drawings_of_the_same_thing_are_counted_where_that_was_recorded(tmp_path: Path) -> None:
    scores, year = np.zeros((4, 7), np.float32), np.array([5, 5, 5, 6], np.int32)
    shows = np.array([2, 2, -1, 2], np.int32)
    recorded = Calibration(scores, year * 0, year, np.arange(4, dtype=np.int32), shows)
    assert [recorded.group(5).showing(place) for place in (2, 0, None)] == [2, 0, None]
    save_arrays(tmp_path / "all.npz", recorded)
    with np.load(tmp_path / "all.npz") as stored:
        others = {name: stored[name] for name in stored.files if "category" not in name}
    np.savez(tmp_path / "others.npz", **others)
    unrecorded = load_arrays(tmp_path / "others.npz", Calibration)
    assert unrecorded.group(5).showing(2) is None
