import numpy as np
import pytest

from app.training.evaluation.statistics import auroc, interval_by_child, spearman


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == 0.875


def test_auroc_leaves_out_what_could_not_be_measured() -> None:
    assert auroc(np.array([0.0, np.nan]), np.array([1.0, np.nan])) == 1
    assert np.isnan(auroc(np.array([np.nan]), np.array([1.0])))


def test_rank_correlation_sees_order_alone_and_shares_the_ranks_of_ties() -> None:
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 11.0])) == pytest.approx(1)
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([3.0, 3.0, 1.0])) == pytest.approx(-1)


def test_an_interval_is_wider_where_fewer_children_drew_the_same_drawings() -> None:
    child = np.arange(60, dtype=np.int32)
    values = np.random.default_rng(1).normal(size=60)
    each = interval_by_child(lambda rows: float(values[rows].mean()), child, seed=1)
    sixes = np.repeat(values[:10], 6)
    few = interval_by_child(lambda rows: float(sixes[rows].mean()), child // 6, seed=1)
    assert few[1] - few[0] > each[1] - each[0]
