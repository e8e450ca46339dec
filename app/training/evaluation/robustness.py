"""What an answer must not depend on: the same strokes by other pens, on other sheets.

Each child is judged by norms, a gate and a guard that have not seen it, as in the other sections.
Shares are compared in pairs, drawing by drawing, with those of the pen that the references have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from app.errors import UnreadableDrawing
from app.imaging.intake import on_white
from app.inference.features import Trunk, extract
from app.scoring.assess import Norms, assess
from app.scoring.assessment import LEVEL, Assessment, Verdict
from app.scoring.norms import FloatArray
from app.training.embed import Embedded, in_batches
from app.training.evaluation.held_out import AGES, OUTER
from app.training.evaluation.map_check import another_child, check_map
from app.training.evaluation.statistics import auroc, interval_by_child, spearman
from app.training.fit import fit_norms
from app.training.gate import GateExamples
from app.training.recipe import Recipe
from app.training.references import IntArray, folds_by_child
from app.training.sheets import (
    COLLECTED,
    MARKS,
    PENS,
    SHEETS,
    StrokeDrawing,
    a4,
    draw,
    half_of,
    intruder,
    pale,
    photographed,
    scribbled_over,
)

MOST = 300  # drawings


@dataclass(frozen=True, eq=False)
class Answers:
    """Of n drawings as m pictures: ``p_value`` (n, m), ``nan`` without one; ``refused`` (n, m)."""

    names: tuple[str, ...]
    p_value: FloatArray
    refused: FloatArray

    def column(self, name: str) -> FloatArray:
        """The p-values of one picture of each drawing."""
        return self.p_value[:, self.names.index(name)]


Pictures = Callable[[StrokeDrawing, np.random.Generator], dict[str, Image.Image]]


def check_robustness(
    trunk: Path,
    embedded: Embedded,
    examples: GateExamples,
    strokes: Sequence[StrokeDrawing],
    recipe: Recipe,
) -> dict[str, Any]:
    """Measure all of it; ``examples`` are those that a bundle's gate is fitted on."""
    outer = folds_by_child(list(embedded.drawings), OUTER, recipe.seed)
    fold = dict(zip((d.child for d in embedded.drawings), outer.tolist(), strict=True))
    drawings = _chosen(strokes, fold, recipe.seed)
    by_fold = {
        k: [(n, d) for n, d in enumerate(drawings) if fold[d.child] == k]
        for k in sorted({fold[d.child] for d in drawings})
    }
    norms = {k: norms_without(k, outer, embedded, examples, recipe) for k in by_fold}

    def ask(pictures: Pictures, what: str) -> Answers:
        parts = [
            _answers(trunk, norms[k], part, pictures, what, recipe) for k, part in by_fold.items()
        ]
        return Answers(
            parts[0].names,
            np.concatenate([part.p_value for part in parts]),
            np.concatenate([part.refused for part in parts]),
        )

    in_order = [drawing.child for part in by_fold.values() for _, drawing in part]
    child = np.unique(in_order, return_inverse=True)[1].astype(np.int32)
    return {
        "drawings": len(drawings),
        "pens": _against(ask(by_pens, "Pens"), child),
        "sheets": _against(ask(on_sheets, "Sheets"), child),
        "marks": _against(ask(on_marked_sheets, "Marked sheets"), child),
        "half_erased": _half_erased(ask(halves_on_marked_sheets, "Halves")),
        "empty_sheets": _refused(ask(empty_sheets, "Empty sheets")),
        "media": _media(ask(photographs, "Photographs of coloured drawings"), child),
        "intruders": _intruders(ask(partial(with_intruders, drawings), "Intruders")),
        "map": check_map(trunk, drawings, recipe),
    }


def _chosen(
    strokes: Sequence[StrokeDrawing], fold: dict[str, int], seed: int
) -> list[StrokeDrawing]:
    """Up to ``MOST`` drawings by known children of an age that has norms."""
    known = [d for d in strokes if d.child in fold and int(d.age_years) in AGES]
    order = np.random.default_rng(seed).permutation(len(known))
    return [known[int(i)] for i in order[:MOST]]


def norms_without(
    fold: int,
    outer: IntArray,
    embedded: Embedded,
    examples: GateExamples,
    recipe: Recipe,
) -> Norms:
    """Norms, gate and guard of the children that are not in ``fold``."""
    known = outer != fold
    references = embedded.references()
    drawings = [embedded.drawings[i] for i in np.flatnonzero(known)]
    inner = folds_by_child(drawings, recipe.norms.folds, recipe.seed + 100)
    fitted = fit_norms(references.some(known), inner)
    return Norms(
        references.categories,
        references.has_norm,
        fitted.folds,
        fitted.named,
        fitted.unnamed,
        examples.of(known).gate(recipe.seed),
        examples.of(known).guard(),
        fitted.age_error,
    )


def by_pens(drawing: StrokeDrawing, rng: np.random.Generator) -> dict[str, Image.Image]:
    """By the collected pen, first, and by others."""
    by_others = {name: draw(drawing, pen) for name, pen in PENS.items()}
    return {"plain": draw(drawing), **by_others, "pale pencil": pale(drawing)}


def on_sheets(drawing: StrokeDrawing, rng: np.random.Generator) -> dict[str, Image.Image]:
    """On the canvas, first, and on other sheets."""
    return {"plain": draw(drawing)} | {name: sheet(drawing) for name, sheet in SHEETS.items()}


def on_marked_sheets(drawing: StrokeDrawing, rng: np.random.Generator) -> dict[str, Image.Image]:
    """On a plain A4 sheet, first, and on sheets with marks that are not the child's."""
    sheet = a4(drawing, share=rng.uniform(0.6, 0.78))
    return {"plain": sheet} | {name: mark(sheet, rng) for name, mark in MARKS.items()}


def halves_on_marked_sheets(
    drawing: StrokeDrawing, rng: np.random.Generator
) -> dict[str, Image.Image]:
    """The same with one half of the drawing missing."""
    return on_marked_sheets(half_of(drawing, rng), rng)


def empty_sheets(drawing: StrokeDrawing, rng: np.random.Generator) -> dict[str, Image.Image]:
    """The same with no drawing on them."""
    return on_marked_sheets(_without_strokes(drawing), rng)


def photographs(drawing: StrokeDrawing, rng: np.random.Generator) -> dict[str, Image.Image]:
    """Photographed on paper by any pen, some filled: as it is, half of it, and scribbled over."""
    seed = int(rng.integers(2**32))
    made = {
        "whole": drawing,
        "half": half_of(drawing, rng),
        "scribble": scribbled_over(drawing, rng),
    }
    return {n: photographed(one, np.random.default_rng(seed)) for n, one in made.items()}


def with_intruders(
    everyone: Sequence[StrokeDrawing], drawing: StrokeDrawing, rng: np.random.Generator
) -> dict[str, Image.Image]:
    """By each pen: the drawing, and with a part of another child's by the same pen."""
    guest = intruder(another_child(drawing, everyone, rng), drawing, rng)
    made: dict[str, Image.Image] = {}
    for name, pen in {"collected": COLLECTED, **PENS}.items():
        made[f"{name}: plain"] = draw(drawing, pen)
        made[f"{name}: intruded"] = ImageChops.darker(draw(drawing, pen), draw(guest, pen))
    return made


def _answers(
    trunk: Path,
    norms: Norms,
    drawings: Sequence[tuple[int, StrokeDrawing]],
    pictures: Pictures,
    what: str,
    recipe: Recipe,
) -> Answers:
    work = partial(_answer_batch, trunk, norms, pictures, recipe.seed)
    rows = list(in_batches(work, drawings, what, recipe.norms.workers))
    names = tuple(rows[0]) if rows else ()
    p_values = [[_p_value(row[name]) for name in names] for row in rows]
    refused = [[_is_refused(row[name]) for name in names] for row in rows]
    return Answers(names, np.array(p_values, np.float64), np.array(refused))


def _answer_batch(
    path: Path,
    norms: Norms,
    pictures: Pictures,
    seed: int,
    batch: Sequence[tuple[int, StrokeDrawing]],
) -> list[dict[str, Assessment | None]]:
    trunk = Trunk(path)
    return [
        {
            name: _assess(trunk, norms, picture, drawing)
            for name, picture in pictures(drawing, np.random.default_rng((seed, number))).items()
        }
        for number, drawing in batch
    ]


def _assess(
    trunk: Trunk, norms: Norms, picture: Image.Image, drawing: StrokeDrawing
) -> Assessment | None:
    """Answer as the product does; ``None``: too few pixels, which is another refusal."""
    try:
        inked = extract(trunk, on_white(picture))
    except UnreadableDrawing:
        return None
    seen = inked.drawing if inked else None
    return assess(norms, seen, drawing.age_years, drawing.category, LEVEL)


def _p_value(assessment: Assessment | None) -> float:
    return np.nan if assessment is None or assessment.p_value is None else assessment.p_value


def _is_refused(assessment: Assessment | None) -> bool:
    return assessment is not None and assessment.verdict is Verdict.NOT_A_DRAWING


def _against(answers: Answers, child: IntArray) -> dict[str, dict[str, Any]]:
    """Each picture against the plain one: answered, change of the flagged share, rank."""
    plain = answers.column("plain")
    return {name: _paired(plain, answers.column(name), child) for name in answers.names}


def _paired(plain: FloatArray, other: FloatArray, child: IntArray) -> dict[str, Any]:
    answered = ~np.isnan(other)

    def change(rows: NDArray[np.intp]) -> float:
        both = rows[~np.isnan(plain[rows]) & ~np.isnan(other[rows])]
        return float(((other[both] <= LEVEL) * 1.0 - (plain[both] <= LEVEL)).mean())

    return {
        "answered": round(float(answered.mean()), 4),
        "flagged": round(float((other[answered] <= LEVEL).mean()), 4),
        "change": round(change(np.arange(len(plain))), 4),
        "interval": interval_by_child(change, child, seed=1),
        "spearman": round(spearman(plain, other), 4),
    }


def _half_erased(answers: Answers) -> dict[str, float]:
    """The share of half-erased drawings that are flagged, answered or not."""
    return {name: round(float((answers.column(name) <= LEVEL).mean()), 4) for name in answers.names}


def _media(answers: Answers, child: IntArray) -> dict[str, Any]:
    """How many photographs are answered and flagged, and whether what was spoilt is noticed."""
    whole = answers.column("whole")
    answered = ~np.isnan(whole)

    def flagged(rows: NDArray[np.intp]) -> float:
        return float((whole[rows][answered[rows]] <= LEVEL).mean())

    return {
        "answered": round(float(answered.mean()), 4),
        "flagged": round(flagged(np.arange(len(whole))), 4),
        "interval": interval_by_child(flagged, child, seed=1),
        **{
            f"{kind}_auroc": round(auroc(-whole, -answers.column(kind)), 4)
            for kind in ("half", "scribble")
        },
    }


def _refused(answers: Answers) -> dict[str, float]:
    return {
        name: round(float(share), 4)
        for name, share in zip(answers.names, answers.refused.mean(0), strict=True)
    }


def _intruders(answers: Answers) -> dict[str, dict[str, float]]:
    found = {}
    for pen in ("collected", *PENS):
        plain, spoilt = answers.column(f"{pen}: plain"), answers.column(f"{pen}: intruded")
        found[pen] = {
            "auroc": round(auroc(-plain, -spoilt), 4),
            "flagged": round(float((spoilt[~np.isnan(spoilt)] <= LEVEL).mean()), 4),
        }
    return found


def _without_strokes(drawing: StrokeDrawing) -> StrokeDrawing:
    return replace(drawing, strokes=())
