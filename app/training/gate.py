"""Fit the gate and the domain guard, on drawings and on what is none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.imaging.marks import MARKS, PICTURE_MEASURES
from app.scoring.assess import READING
from app.scoring.conformal import weighted_quantile
from app.scoring.norms import LIMIT_SHARE, LIMIT_SLACK, DomainGuard, FloatArray, Gate
from app.training.references import BoolArray, IntArray

REFUSED_DRAWINGS = 0.003  # share of the norms' own drawings that may be refused
REFUSED_OTHERS = 0.0125  # and of other drawings: doodles, photographs of drawings
READ_SHARE = 0.9  # of simulated pictures that can be read well enough
PHOTOGRAPHS_COUNT = 2.0  # times as much as a made picture
AXES, AXIS_SCALE = 12, 6.0
TREES, RATE, LEAVES = 300, 0.06, 8
_FOLDS = 3
DOMAIN = "finger-on-tablet line drawings"


@dataclass(frozen=True, eq=False)
class GateExamples:
    """What the gate sees, (n, g) each, of drawings and of ``others``, which are none.

    ``own`` are the references, by ``child`` (n,), ``photographed`` some of them as a phone would
    see them (``photographed_of`` (p,) tells which), ``simulated`` doodles by other media on other
    sheets, ``unaged`` real drawings by set, and ``photographs`` windows of real ones, each by
    photograph; ``looked_at`` is how many there were of each set and photograph, with those that no
    strokes were found on.
    """

    own: FloatArray
    child: IntArray
    photographed: FloatArray
    photographed_of: IntArray
    simulated: FloatArray
    unaged: dict[str, FloatArray]
    others: FloatArray
    photographs: dict[str, FloatArray]
    looked_at: dict[str, int]

    def of(self, known: BoolArray) -> "GateExamples":
        """The same with the ``known`` references (n,) alone, and the photographs of these."""
        there, place = known[self.photographed_of], np.cumsum(known) - 1
        return replace(
            self,
            own=self.own[known],
            child=self.child[known],
            photographed=self.photographed[there],
            photographed_of=place[self.photographed_of[there]].astype(np.int32),
        )

    def gate(self, seed: int) -> Gate:
        """Fit the gate on all.

        Its threshold is set on the references, their photographs and the real drawings without
        ages, each seen by a gate that was fitted without it and all else by its child.
        """
        judged = np.concatenate([self.photographed, *self.unaged.values()])
        sizes = [len(rows) for rows in (self.own, self.photographed, *self.unaged.values())]
        others = np.concatenate([self.others, *self.photographs.values()])
        drawings = np.concatenate([self.own, judged, self.simulated])
        x = np.concatenate([drawings, others])
        truth = np.arange(len(x)) >= len(drawings)
        gate, unseen = _fitted(x, truth, self._weights(), self._groups(len(x)), seed)
        own, *sets = np.split(unseen[: len(self.own) + len(judged)], np.cumsum(sizes[:-1]))
        return replace(gate, threshold=_threshold(own, sets))

    def _weights(self) -> FloatArray:
        """Each set without ages counts as the largest, and drawings as much as what is none."""
        largest = max((len(rows) for rows in self.unaged.values()), default=0)
        drawings = np.concatenate(
            [
                np.ones(len(self.own) + len(self.photographed)),
                *(np.full(len(rows), largest / len(rows)) for rows in self.unaged.values()),
                np.ones(len(self.simulated)),
            ]
        )
        windows = sum(len(rows) for rows in self.photographs.values())
        others = np.concatenate([np.ones(len(self.others)), np.full(windows, PHOTOGRAPHS_COUNT)])
        return np.concatenate([drawings / drawings.sum(), others / others.sum()]) * len(drawings)

    def guard(self) -> DomainGuard:
        """Fit the guard on the references and what was made of drawings."""
        return fit_guard(np.concatenate([self.own, self.photographed]), self.simulated)

    def _groups(self, count: int) -> IntArray:
        """Who drew each of ``count`` rows; a number of its own where nobody else's is known."""
        known = np.concatenate([self.child, self.child[self.photographed_of]])
        rest = int(self.child.max(initial=0)) + 1 + np.arange(count - len(known))
        return np.concatenate([known, rest]).astype(np.int32)


def _fitted(
    x: FloatArray, truth: BoolArray, weight: FloatArray, group: IntArray, seed: int
) -> tuple[Gate, FloatArray]:
    """A gate without a threshold, and the log-odds (n,) of each row by one that has not seen it.

    ``truth`` (n,) tells what is no drawing; rows of one ``group`` (n,) are left out together.
    """
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    deep = x.shape[1] - len(PICTURE_MEASURES) - len(MARKS)
    gate = _without_trees(x, deep)
    seen = gate.reduced(x)
    model = GradientBoostingClassifier(
        n_estimators=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, max_depth=None,
        min_samples_leaf=10, subsample=0.5, max_features=0.2, random_state=seed,
    )  # fmt: skip
    unseen = cross_val_predict(
        model, seen, truth, groups=group, method="decision_function",
        cv=StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed),
        params={"sample_weight": weight},
    )  # fmt: skip
    model.fit(seen, truth, sample_weight=weight)
    trees = [tree.tree_ for tree in model.estimators_[:, 0]]
    most = max(tree.node_count for tree in trees)
    gate = replace(gate, **_nodes(trees, most))
    offset = float(model.decision_function(seen[:1])[0]) - gate.logit(x[0])
    return replace(gate, intercept=offset), unseen


def _without_trees(x: FloatArray, deep: int) -> Gate:
    centre, scale = x.mean(0), x.std(0) + 1e-3
    z = np.clip((x[:, :deep] - centre[:deep]) / scale[:deep], -6, 6).astype(np.float64)
    _, axes = np.linalg.eigh(z.T @ z)
    no_trees, no_nodes = np.zeros((0, 1), np.float32), np.zeros((0, 1), np.int32)
    return Gate(
        centre, scale, (axes[:, ::-1][:, :AXES] / AXIS_SCALE).astype(np.float32),
        no_nodes, no_trees, no_nodes, no_nodes, no_trees, intercept=0.0, threshold=np.inf,
    )  # fmt: skip


def _nodes(trees: Sequence[Any], most: int) -> dict[str, Any]:
    """The trees' nodes as arrays (t, n); a leaf leads to itself."""
    shape = (len(trees), most)
    low, high = (np.tile(np.arange(most, dtype=np.int32), (len(trees), 1)) for _ in range(2))
    feature, split, value = np.zeros(shape, np.int32), np.zeros(shape), np.zeros(shape)
    for row, tree in enumerate(trees):
        inner = np.flatnonzero(tree.children_left >= 0)
        low[row, inner], high[row, inner] = tree.children_left[inner], tree.children_right[inner]
        feature[row, inner], split[row, inner] = tree.feature[inner], tree.threshold[inner]
        value[row, : tree.node_count] = RATE * tree.value[:, 0, 0]
    return {
        "feature": feature,
        "split": split.astype(np.float32),
        "low": low,
        "high": high,
        "value": value.astype(np.float32),
    }


def _threshold(own: FloatArray, others: Sequence[FloatArray]) -> float:
    """Let nearly all of the norms' own drawings pass, and of the others, sets counting alike."""
    each = sum(len(logits) for logits in others) / len(others)
    weight = np.concatenate([np.full(len(logits), each / len(logits)) for logits in others])
    return max(
        float(np.quantile(own, 1 - REFUSED_DRAWINGS)),
        weighted_quantile(np.concatenate(others), weight, 1 - REFUSED_OTHERS),
    )


def fit_guard(pictures: FloatArray, simulated: FloatArray) -> DomainGuard:
    """Set each limit above nearly all of the pictures (n, g), and most of the ``simulated`` ones.

    Some of the latter nobody could read.
    """
    limits = np.quantile(pictures[:, -READING:], LIMIT_SHARE, axis=0) + LIMIT_SLACK
    if len(simulated):
        read = np.quantile(simulated[:, -READING:], READ_SHARE, axis=0)
        limits = np.maximum(limits, read)
    return DomainGuard(DOMAIN, limits.astype(np.float32))
