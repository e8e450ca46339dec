"""Calibrate a bundle on an operator's own drawings; nothing else is fitted again.

A new bundle is written, the old one stays as it is.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidRequest, Refusal
from app.imaging import intake
from app.inference import self_test
from app.inference.analysis import check_age
from app.inference.bundle import LONGEST_VERSION, TRUNK, Bundle, write_bundle
from app.inference.features import extract
from app.inference.manifest import LeftOut, Row, read_manifest
from app.scoring.assess import (
    DrawingFeatures,
    Norms,
    fold_scores,
    predicted_age,
    read_by_fold,
)
from app.scoring.assessment import AGE_COVERAGE
from app.scoring.conformal import (
    MINIMUM_CHILDREN,
    Calibration,
    LocalCalibration,
    LocalNorms,
    local_scores,
    weighted_quantile,
)
from app.scoring.norms import FloatArray
from app.scoring.sitting import SittingCalibration, Sittings
from app.training.sittings import reference_p_values, sitting_age, sitting_calibration

MOST_NAMED = 20  # unreadable files named in a refusal

Progress = Callable[[Sequence[Row]], Iterable[Row]]


@dataclass(frozen=True)
class CalibrationReport:
    """What a bundle was calibrated on.

    ``anonymous`` drawings name no child; each counted as a child of its own.
    """

    version: str
    drawings: int
    children: int
    named_children: int
    anonymous: int
    left_out: tuple[LeftOut, ...]

    @property
    def compares_categories(self) -> bool:
        """Whether named drawings are compared as such."""
        return self.named_children >= MINIMUM_CHILDREN


@dataclass(frozen=True, eq=False)
class LocalDrawings:
    """An operator's drawings: ``features`` (n, d), ``reading`` (n, m), the others (n,).

    ``place`` is the category's among those of the norms, or −1. Every drawing must be of an age,
    and of a category if it has one, that has reference p-values.
    """

    features: FloatArray
    reading: FloatArray
    age_years: FloatArray
    place: NDArray[np.int32]
    child: NDArray[np.int32]

    @property
    def children(self) -> int:
        """How many children drew them."""
        return len(np.unique(self.child))


@dataclass(frozen=True, eq=False)
class _Measured:
    row: Row
    age_years: float
    place: int | None
    drawing: DrawingFeatures | None  # ``None``: no ink


def calibrate(
    bundle_folder: Path,
    manifest: Path,
    name: str,
    out: Path,
    today: date,
    progress: Progress = iter,
) -> CalibrationReport:
    """Write to ``out`` a bundle calibrated on the manifest's drawings, or refuse and write nothing.

    Raise ``InvalidRequest`` for a file or age that cannot be read: a calibration on an unknown
    part of the drawings would not be the one that was asked for.
    """
    bundle = Bundle.open(bundle_folder)
    version = _version(bundle.version, name)
    _check_target(bundle, bundle_folder, out)
    measured = _measure_all(bundle, read_manifest(manifest), manifest.parent, progress)
    used, left_out = _split(bundle.norms, measured)
    _check_enough(used, left_out)
    norms = fit_local(bundle.norms, _local_drawings(used), name)
    report = _report(version, norms, used, left_out)
    card = _card(bundle.card, report, name, today)
    recorded = self_test.record(bundle.trunk, norms)
    write_bundle(out, version, bundle_folder / TRUNK, norms, card, recorded)
    return report


def _version(of: str, name: str) -> str:
    suffix = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    version = f"{of}+{suffix}"
    if not suffix or len(version) > LONGEST_VERSION:
        raise InvalidRequest(
            f"“{name}” cannot name a calibration; use a few letters or digits, such as "
            "kindergarten."
        )
    return version


def _check_target(bundle: Bundle, bundle_folder: Path, out: Path) -> None:
    if bundle.norms.local.present:
        raise InvalidRequest(
            f"The bundle in {bundle_folder} is calibrated on “{bundle.norms.local.name}” already; "
            "start from the bundle that it was made of."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidRequest(f"{out} is not empty; name a new folder for the calibrated bundle.")


def _measure_all(
    bundle: Bundle, rows: list[Row], folder: Path, progress: Progress
) -> list[_Measured]:
    measured, problems = [], []
    for row in progress(rows):
        try:
            measured.append(_measure(bundle, row, folder))
        except Refusal as refusal:
            problems.append(f"{row.file or f'row {row.number}'}: {refusal}")
    if problems:
        more = f" … and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
        raise InvalidRequest(
            f"Nothing was calibrated, as {len(problems)} of {len(rows)} rows cannot be used; mend "
            f"them or take them out. {' '.join(problems[:MOST_NAMED])}{more}"
        )
    return measured


def _measure(bundle: Bundle, row: Row, folder: Path) -> _Measured:
    age = check_age(row.age())
    inked = extract(bundle.trunk, intake.read(row.content(folder)))
    place = bundle.norms.index(row.category)
    return _Measured(row, age, place, inked.drawing if inked else None)


def _split(norms: Norms, measured: list[_Measured]) -> tuple[list[_Measured], tuple[LeftOut, ...]]:
    """Those that can be calibrated on, and those that cannot."""
    judged = [(m, _why_not(norms, m)) for m in measured]
    used = [m for m, why in judged if why is None]
    return used, tuple(LeftOut(m.row.file, why) for m, why in judged if why is not None)


def _why_not(norms: Norms, measured: _Measured) -> str | None:
    """Why a drawing is left out; ``None`` if it is not."""
    drawing, year = measured.drawing, int(measured.age_years)
    if drawing is None:
        return "It has no ink that could be found."
    if norms.gate.refuses(drawing.whole):
        return "It does not look like a drawing."
    children = norms.references(measured.place).group(year).children
    if children < MINIMUM_CHILDREN:
        return f"Only {children} reference children are aged {year}, too few for norms."
    return None


def _local_drawings(used: list[_Measured]) -> LocalDrawings:
    who = [m.row.child or f"row {m.row.number}" for m in used]
    number = {child: place for place, child in enumerate(dict.fromkeys(who))}
    drawings = [m.drawing for m in used if m.drawing is not None]
    return LocalDrawings(
        np.stack([d.features for d in drawings]),
        np.stack([d.reading for d in drawings]),
        np.array([m.age_years for m in used]),  # no rounding into the next year
        np.array([-1 if m.place is None else m.place for m in used], np.int32),
        np.array([number[child] for child in who], np.int32),
    )


def _check_enough(used: list[_Measured], left_out: tuple[LeftOut, ...]) -> None:
    children = len({m.row.child or m.row.number for m in used})
    if children < MINIMUM_CHILDREN:
        raise InvalidRequest(
            f"A calibration needs drawings of at least {MINIMUM_CHILDREN} children; these "
            f"{len(used)} usable drawings are of {children} ({len(left_out)} were left out). A "
            "drawing whose child the manifest does not name counts as a child of its own."
        )


def _report(
    version: str, norms: Norms, used: list[_Measured], left_out: tuple[LeftOut, ...]
) -> CalibrationReport:
    anonymous = sum(m.row.child is None for m in used)
    local = norms.local
    return CalibrationReport(
        version, len(used), local.unnamed.children, local.named.children, anonymous, left_out
    )


def _card(
    card: dict[str, Any], report: CalibrationReport, name: str, today: date
) -> dict[str, Any]:
    return card | {
        "version": report.version,
        "local": {
            "name": name,
            "of": card["version"],
            "drawings": report.drawings,
            "children": report.children,
            "children_with_category": report.named_children,
            "drawings_without_child": report.anonymous,
            "left_out": len(report.left_out),
            "calibrated_on": today.isoformat(),
        },
    }


def fit_local(norms: Norms, drawings: LocalDrawings, name: str) -> Norms:
    """Calibrate ``norms`` on ``drawings``; ``name`` says whose they are.

    The guard then matches them, and the interval of the apparent age is theirs.
    """
    named = _calibration(norms, drawings, np.flatnonzero(drawings.place >= 0), named=True)
    unnamed = _calibration(norms, drawings, np.arange(len(drawings.child)), named=False)
    ages = _apparent_ages(norms, drawings)
    return replace(
        norms,
        guard=norms.guard.widened(drawings.reading),
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
