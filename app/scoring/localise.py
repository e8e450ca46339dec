"""An operator's own drawings -> norms calibrated on them, nothing else fitted again."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.scoring.assess import Norms, fold_scores, predicted_age, read_by_fold
from app.scoring.assessment import AGE_COVERAGE
from app.scoring.conformal import Calibration, weighted_quantile
from app.scoring.norms import FloatArray
from app.scoring.recalibration import LocalCalibration, LocalNorms, local_scores
from app.scoring.sitting import SittingCalibration, Sittings
from app.scoring.sitting_fit import reference_p_values, sitting_age, sitting_calibration


@dataclass(frozen=True, eq=False)
class LocalDrawings:
    """An operator's drawings: ``features`` (n, d), ``domain_measures`` (n, m), the others (n,).

    ``place`` is the category's among those of the norms, or −1. Every drawing must be of an age,
    and of a category if it has one, that has reference p-values.
    """

    features: FloatArray
    domain_measures: FloatArray
    age_years: FloatArray
    place: NDArray[np.int32]
    child: NDArray[np.int32]

    @property
    def children(self) -> int:
        """How many children drew them."""
        return len(np.unique(self.child))


def fit_local(norms: Norms, drawings: LocalDrawings, name: str) -> Norms:
    """Calibrate ``norms`` on ``drawings``; ``name`` says whose they are.

    The guard then matches them, and the interval of the apparent age is theirs.
    """
    named = _calibration(norms, drawings, np.flatnonzero(drawings.place >= 0), named=True)
    unnamed = _calibration(norms, drawings, np.arange(len(drawings.child)), named=False)
    ages = _apparent_ages(norms, drawings)
    return replace(
        norms,
        guard=norms.guard.widened(drawings.domain_measures),
        age_error=_age_error(ages, drawings),
        local=LocalNorms(name, named, unnamed),
        sittings=Sittings(
            _sittings(named), _sittings(unnamed),
            sitting_age(ages, drawings.age_years, drawings.child),
        ),
    )  # fmt: skip


def _calibration(
    norms: Norms, drawings: LocalDrawings, rows: NDArray[np.intp], *, named: bool
) -> LocalCalibration:
    if not len(rows):
        return LocalCalibration()
    p_values, scores = [], []
    for row in rows:
        age, place = float(drawings.age_years[row]), int(drawings.place[row]) if named else None
        readings = read_by_fold(norms, drawings.features[row], place)
        by_fold = fold_scores(norms, readings, age, place)
        p_values.append(norms.references(place).group(int(age)).p_values(by_fold))
        scores.append(local_scores(by_fold))
    return LocalCalibration(np.stack(p_values), np.stack(scores), drawings.child[rows])


def _sittings(calibration: LocalCalibration) -> SittingCalibration:
    """As among the references, with every local drawing ranked among those of other children."""
    if not calibration.enough:
        return SittingCalibration()
    combined = np.stack([calibration.p_values[:, -1], -calibration.scores[:, -1]], axis=1)
    _, rank = np.unique(combined, axis=0, return_inverse=True)
    one = np.zeros(len(rank), np.int32)  # one fold, one group of ages
    ranked = Calibration(-rank[:, None].astype(np.float32), one, one, calibration.child)
    return sitting_calibration(reference_p_values(ranked), calibration.child)


def _apparent_ages(norms: Norms, drawings: LocalDrawings) -> FloatArray:
    places = [int(place) if place >= 0 else None for place in drawings.place]
    return np.array(
        [
            predicted_age(read_by_fold(norms, x, place))
            for x, place in zip(drawings.features, places, strict=True)
        ]
    )


def _age_error(ages: FloatArray, drawings: LocalDrawings) -> float:
    _, index, count = np.unique(drawings.child, return_inverse=True, return_counts=True)
    off = np.abs(ages - drawings.age_years)
    return weighted_quantile(off, 1 / count[index], AGE_COVERAGE)
