"""What norms say of drawings that they have never seen: by children, and by whole sets.

Each outer fold is scored by norms fitted and calibrated on the others only, exactly as a bundle is.
A whole set that is left out is scored before and after sixty drawings of its own.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from app.scoring.assessment import LEVEL
from app.scoring.conformal import COMBINED, MINIMUM_CHILDREN, LocalCalibration, score_reading
from app.scoring.norms import FloatArray
from app.training.embed import Embedded
from app.training.evaluation.made import KINDS, Made
from app.training.evaluation.statistics import auroc
from app.training.fit import FittedNorms, fit_norms
from app.training.references import BoolArray, References, folds_by_child, has_norm

OUTER = 5
AGES = range(4, 9)  # years that have norms
DRAWS = 20
FOUND = ("half", "scribble")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One row a drawing of an age that has norms.

    Scores and p-values have a column a term, and last the combination. ``row`` is the drawing's
    place among the embedded ones. ``scores`` are means over the folds' norms; ``wrong`` are those
    with a wrong category, drawn at random among those with norms, and ``wrong_p`` (n,) their
    combined p-values. ``made`` and ``made_p`` (n, kinds, terms + 1) are those of made anomalies.
    ``probability`` (n, c) are those of the categories, ``years`` the age the drawing looks like.
    """

    row: NDArray[np.intp]
    named: BoolArray
    scores: FloatArray
    p_values: FloatArray
    wrong: FloatArray
    wrong_p: FloatArray
    made: FloatArray
    made_p: FloatArray
    probability: FloatArray
    years: FloatArray
    age_error: FloatArray

    def some(self, rows: NDArray[np.intp] | BoolArray) -> "HeldOut":
        """Return some rows."""
        return HeldOut(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class About:
    """What is true of the embedded drawings: arrays (n,), by ``HeldOut.row``."""

    age_years: FloatArray
    category: NDArray[np.int32]
    child: NDArray[np.int32]
    collection: NDArray[np.str_]
    recognition: FloatArray

    @classmethod
    def of(cls, embedded: Embedded) -> "About":
        """Read it off the drawings."""
        references = embedded.references()
        return cls(
            references.age_years,
            references.category,
            references.child,
            np.array([d.collection for d in embedded.drawings]),
            np.array(
                [
                    np.nan if d.human_recognition is None else d.human_recognition
                    for d in embedded.drawings
                ]
            ),
        )


def cross_validate(embedded: Embedded, made: Made, folds: int, seed: int) -> HeldOut:
    """Score every drawing by norms that have not seen its child."""
    references, drawings = embedded.references(), list(embedded.drawings)
    outer = folds_by_child(drawings, OUTER, seed)
    parts = []
    for k in track(range(OUTER), f"Held-out children, seed {seed}"):
        known = outer != k
        inner = folds_by_child([drawings[i] for i in np.flatnonzero(known)], folds, seed + 100)
        fitted = fit_norms(references.some(known), inner)
        parts.append(score_unseen(fitted, references, np.flatnonzero(~known), made, seed + k))
    return joined(parts)


def joined(parts: list[HeldOut]) -> HeldOut:
    """Put folds together."""
    return HeldOut(
        *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(HeldOut))
    )


def score_unseen(
    fitted: FittedNorms, references: References, rows: NDArray[np.intp], made: Made, seed: int
) -> HeldOut:
    """Score drawings and what was made of them; those of ages without norms are left out."""
    rng = np.random.default_rng(seed)
    scored = [
        _score_one(fitted, references, int(row), made, rng)
        for row in rows
        if fitted.unnamed.group(int(references.age_years[row])).children >= MINIMUM_CHILDREN
    ]
    columns = zip(*scored, strict=True) if scored else [()] * len(fields(HeldOut))
    return HeldOut(*(np.array(column) for column in columns))


def _score_one(
    fitted: FittedNorms, references: References, row: int, made: Made, rng: np.random.Generator
) -> tuple[object, ...]:
    age, category = float(references.age_years[row]), int(references.category[row])
    named = bool(references.named[row])
    own = category if named else None
    wrong = int(rng.choice(np.setdiff1d(np.flatnonzero(references.has_norm), [category])))
    scores, p_values, probability, years = _say(fitted, references.features[row], age, own)
    wrong_scores, wrong_p, *_ = _say(fitted, references.features[row], age, wrong)
    spoilt = [_say(fitted, x, age, own)[:2] for x in made.features[row]]
    return (
        row, named, scores, p_values, wrong_scores, wrong_p[-1],
        np.stack([s for s, _ in spoilt]), np.stack([p for _, p in spoilt]),
        probability, years, fitted.age_error,
    )  # fmt: skip


def _say(
    fitted: FittedNorms, features: FloatArray, age: float, category: int | None
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return mean scores, p-values, the categories' probabilities and the apparent age."""
    if np.isnan(features).any():
        nothing = np.full(COMBINED + 1, np.nan)
        return nothing, nothing, nothing[:0], float("nan")
    readings = [norms.read(features, category) for norms in fitted.folds]
    scores = np.stack(
        [
            score_reading(norms, reading, age, category)
            for norms, reading in zip(fitted.folds, readings, strict=True)
        ]
    )
    calibration = fitted.unnamed if category is None else fitted.named
    return (
        scores.mean(0),
        calibration.group(int(age)).p_values(scores),
        np.mean([np.exp(r.log_probabilities) for r in readings], axis=0),
        float(np.mean([r.years for r in readings])),
    )


def kind(name: str) -> int:
    """Return the place of a made kind."""
    return KINDS.index(name)


def leave_each_set_out(
    embedded: Embedded, made: Made, folds: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Fit on all sets but one and score that one, for each set."""
    about = About.of(embedded)
    names = np.unique(about.collection)
    if len(names) == 1:
        return {}
    left = {str(n): _leave_out(str(n), embedded, made, about, folds, seed) for n in names}
    return {name: found for name, found in left.items() if found["drawings"]}


def _leave_out(
    name: str, embedded: Embedded, made: Made, about: About, folds: int, seed: int
) -> dict[str, Any]:
    references, drawings = embedded.references(), list(embedded.drawings)
    known = about.collection != name
    others = [drawings[i] for i in np.flatnonzero(known)]
    references = replace(references, has_norm=has_norm(others, references.categories))
    fitted = fit_norms(references.some(known), folds_by_child(others, folds, seed))
    h = score_unseen(fitted, references, np.flatnonzero(~known), made, seed)
    if not len(h.row):
        return {"drawings": 0}
    return {
        "drawings": len(h.row),
        "false_flags": _flags(h.p_values[:, -1]),
        **{f"{k}_auroc": round(auroc(h.scores[:, -1], h.made[:, kind(k), -1]), 4) for k in FOUND},
        "local_drawings": MINIMUM_CHILDREN,
        "after": _after(h, about, np.random.default_rng(seed)),
    }


def _after(h: HeldOut, about: About, rng: np.random.Generator) -> dict[str, Any]:
    """Calibrate on sixty drawings, judge on the other children's; means and spread over draws."""
    draws = [_one_draw(h, about, rng) for _ in range(DRAWS)]
    kept = [draw for draw in draws if draw]
    return {
        name: {
            "mean": round(float(np.mean([d[name] for d in kept])), 4),
            "sd": round(float(np.std([d[name] for d in kept])), 4),
        }
        for name in (kept[0] if kept else {})
    }


def _one_draw(h: HeldOut, about: About, rng: np.random.Generator) -> dict[str, float]:
    own = rng.permutation(len(h.row))[:MINIMUM_CHILDREN]
    unseen = np.flatnonzero(~np.isin(about.child[h.row], about.child[h.row[own]]))
    if not len(unseen):
        return {}
    # Each drawing counts as a child, as it would for an operator who does not know who drew which.
    local = LocalCalibration(h.p_values[own], h.scores[own], np.arange(len(own), dtype=np.int32))
    return {
        "false_flags": _flags(_local(local, h.p_values[unseen], h.scores[unseen])),
        **{
            f"{k}_flagged": _flags(
                _local(local, h.made_p[unseen, kind(k)], h.made[unseen, kind(k)])
            )
            for k in FOUND
        },
    }


def _local(local: LocalCalibration, p_values: FloatArray, scores: FloatArray) -> FloatArray:
    return np.array(
        [
            local.local_p_values(p, s)[-1] if not np.isnan(s[-1]) else np.nan
            for p, s in zip(p_values, scores, strict=True)
        ]
    )


def _flags(p_values: NDArray[np.floating[Any]]) -> float:
    known = p_values[~np.isnan(p_values)]
    return round(float((known <= LEVEL).mean()), 4) if len(known) else float("nan")
