"""Held-out scores -> the measures of the report."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from app.scoring.assessment import LEVEL, TERMS, standing_out
from app.scoring.norms import FloatArray
from app.training.evaluation.held_out import About, HeldOut
from app.training.evaluation.made import KINDS, MAP_MEASURES, Made
from app.training.evaluation.statistics import auroc, spearman

BINS = 10
YOUNG, OLD = 4, 8
CATEGORY, PARTS, ORIENTATION = (TERMS.index(name) for name in ("category", "parts", "orientation"))
OWN_TERM = {
    "half": PARTS, "scribble": PARTS, "intruder": PARTS, "patch": PARTS,
    "upside_down": ORIENTATION, "sideways": ORIENTATION,
}  # fmt: skip


Measure = Callable[[HeldOut, About], float]


def measures(made: Made) -> dict[str, Measure]:
    """Name every measure of one run over held-out drawings."""
    return {
        **_calibration(),
        **{f"false_flags_{t}": _flagged(i) for i, t in enumerate(TERMS)},
        "something_stands_out": _something_stands_out,
        "wrong_category_auroc": _wrong_category,
        "wrong_category_auroc_combined": lambda h, _: auroc(h.scores[:, -1], h.wrong[:, -1]),
        "wrong_category_flagged": lambda h, _: float((h.wrong_p <= LEVEL).mean()),
        "top_1": lambda h, a: _within(h, a, 1),
        "top_5": lambda h, a: _within(h, a, 5),
        "human_agreement": _human_agreement,
        "age_8_against_4_auroc": _old_against_young,
        "age_mean_absolute_error": lambda h, a: float(np.abs(h.years - a.age_years[h.row]).mean()),
        "age_interval_coverage": _coverage,
        **{f"{kind}_auroc": _noticed(i, -1) for i, kind in enumerate(KINDS)},
        **{
            f"{kind}_auroc_own_term": _noticed(KINDS.index(k), t)
            for k, t in OWN_TERM.items()
            for kind in (k,)
        },
        **{f"{kind}_flagged": _made_flagged(i) for i, kind in enumerate(KINDS)},
        "phone_agreement": lambda h, _: spearman(
            h.scores[:, -1], h.made[:, KINDS.index("phone"), -1]
        ),
        **{name: _map(made, i) for i, name in enumerate(MAP_MEASURES)},
    }


def _calibration() -> dict[str, Measure]:
    def at_age(year: int) -> Measure:
        return lambda h, a: float(
            (h.p_values[a.age_years[h.row].astype(int) == year, -1] <= LEVEL).mean()
        )

    return {
        "p_value_given": lambda h, _: float(np.isfinite(h.p_values[:, -1]).mean()),
        "false_flags": _flagged(-1),
        "false_flags_children_equal": _flagged_by_child,
        **{f"false_flags_age_{year}": at_age(year) for year in range(YOUNG, OLD + 1)},
    }


def _flagged(column: int) -> Measure:
    def share(h: HeldOut, _: About) -> float:
        known = h.p_values[~np.isnan(h.p_values[:, column]), column]
        return float((known <= LEVEL).mean()) if len(known) else float("nan")

    return share


def _something_stands_out(h: HeldOut, _: About) -> float:
    """Share of ordinary drawings of which a sentence says what stands out."""
    known = h.p_values[~np.isnan(h.p_values[:, -1])].astype(float)
    said = [
        standing_out(
            {t: None if np.isnan(p) else p for t, p in zip(TERMS, row, strict=False)},
            row[-1],
            LEVEL,
        )
        for row in known.tolist()
    ]
    return float(np.mean([bool(names) for names in said])) if said else float("nan")


def _flagged_by_child(h: HeldOut, a: About) -> float:
    _, index, count = np.unique(a.child[h.row], return_inverse=True, return_counts=True)
    return float(np.average(h.p_values[:, -1] <= LEVEL, weights=1 / count[index]))


def _wrong_category(h: HeldOut, _: About) -> float:
    return auroc(h.scores[h.named, CATEGORY], h.wrong[h.named, CATEGORY])


def _within(h: HeldOut, a: About, best: int) -> float:
    own = h.probability[np.arange(len(h.row)), a.category[h.row]]
    return float(((h.probability > own[:, None]).sum(1) < best).mean())


def _human_agreement(h: HeldOut, a: About) -> float:
    return spearman(h.scores[:, CATEGORY], a.recognition[h.row])


def _old_against_young(h: HeldOut, a: About) -> float:
    year = a.age_years[h.row].astype(int)
    return auroc(h.years[year == YOUNG], h.years[year == OLD])


def _coverage(h: HeldOut, a: About) -> float:
    return float((np.abs(h.years - a.age_years[h.row]) <= h.age_error).mean())


def _noticed(place: int, column: int) -> Measure:
    return lambda h, _: auroc(h.scores[:, column], h.made[:, place, column])


def _made_flagged(place: int) -> Measure:
    def share(h: HeldOut, _: About) -> float:
        known = h.made_p[~np.isnan(h.made_p[:, place, -1]), place, -1]
        return float((known <= LEVEL).mean()) if len(known) else float("nan")

    return share


def _map(made: Made, place: int) -> Measure:
    return lambda h, _: float(np.nanmean(made.maps[h.row, place]))


def reliability(h: HeldOut, a: About) -> list[dict[str, float]]:
    """How often the likeliest category was right, by the probability it was given."""
    best = h.probability.max(1)
    right = h.probability.argmax(1) == a.category[h.row]
    edges = np.linspace(0, 1, BINS + 1)
    return [
        {
            "said": round(float(best[here].mean()), 4),
            "found": round(float(right[here].mean()), 4),
            "drawings": int(here.sum()),
        }
        for low, high in pairwise(edges)
        if (here := (best > low) & (best <= high)).sum() >= BINS
    ]


def histogram(p_values: FloatArray) -> list[int]:
    """Count p-values in tenths."""
    return [int(n) for n in np.histogram(p_values[~np.isnan(p_values)], BINS, (0, 1))[0]]


def flags_by_level(p_values: FloatArray) -> list[dict[str, Any]]:
    """Share flagged at several levels: the calibration curve."""
    known = p_values[~np.isnan(p_values)]
    levels = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    return [{"level": v, "flagged": round(float((known <= v).mean()), 4)} for v in levels]
