"""What the gate refuses: of held-out drawings, of made pictures, and of real photographs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.inference.features import Trunk
from app.scoring.assess import READING
from app.scoring.norms import DomainGuard, FloatArray, Gate
from app.training.embed import Embedded, inked_or_none
from app.training.evaluation.held_out import OUTER
from app.training.gate import GateExamples
from app.training.not_drawings import NOT_DRAWINGS
from app.training.recipe import Recipe
from app.training.references import folds_by_child

EACH = 100  # pictures of each kind, by the makers that the gate was fitted with, other seeds


def check_gate(
    trunk: Path, embedded: Embedded, examples: GateExamples, recipe: Recipe, each: int = EACH
) -> dict[str, Any]:
    """Fit the gate without each fold of children and count what it refuses.

    ``examples`` are those that a bundle's gate is fitted on.
    """
    outer = folds_by_child(list(embedded.drawings), OUTER, recipe.seed)
    unseen = _unseen(Trunk(trunk), recipe.seed + 1000, each)
    refused = np.zeros(len(outer), bool)
    found: dict[str, list[float]] = {name: [] for name in unseen}
    for k in range(OUTER):
        gate = examples.of(outer != k).gate(recipe.seed)
        refused[outer == k] = [_refuses(gate, x) for x in examples.own[outer == k]]
        for name, rows in unseen.items():
            found[name].append(float(np.mean([_refuses(gate, x) for x in rows])))
    return {
        "real_drawings_refused": round(float(refused.mean()), 4),
        "refused": {
            **{name: round(float(np.mean(shares)), 4) for name, shares in found.items()},
            "real_photo": _photographs_refused(examples, recipe.seed),
        },
        "by_halves": {
            name: _by_halves(examples, name, recipe.seed) for name in sorted(examples.unaged)
        },
    }


def _refuses(gate: Gate, row: FloatArray | None) -> bool:
    """A picture without any strokes is refused as well."""
    return row is None or gate.refuses(row)


def _is_known(guard: DomainGuard, row: FloatArray) -> bool:
    return guard.distance(row[-READING:]) <= 1


def _by_halves(examples: GateExamples, name: str, seed: int) -> dict[str, float]:
    """Fit with one half of a set, judge the other, and the other way round."""
    rows = examples.unaged[name]
    half = np.random.default_rng(seed).permutation(len(rows)) % 2 == 0
    taken, answered = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for unseen in (half, ~half):
        part = replace(examples, unaged={**examples.unaged, name: rows[~unseen]})
        gate, guard = part.gate(seed), part.guard()
        taken[unseen] = [not _refuses(gate, row) for row in rows[unseen]]
        answered[unseen] = [_is_known(guard, row) for row in rows[unseen]]
    return {
        "taken_for_drawings": round(taken.sum() / examples.looked_at[name], 4),
        "answered": round((taken & answered).sum() / examples.looked_at[name], 4),
    }


def _unseen(trunk: Trunk, seed: int, each: int) -> dict[str, list[FloatArray | None]]:
    rng = np.random.default_rng(seed)
    return {
        name: [_seen(trunk, kind(rng)) for _ in range(each)] for name, kind in NOT_DRAWINGS.items()
    }


def _photographs_refused(examples: GateExamples, seed: int) -> float:
    """Judge the windows of each photograph by a gate that was fitted without it."""
    passed = looked_at = 0
    for name, rows in examples.photographs.items():
        others = {other: x for other, x in examples.photographs.items() if other != name}
        gate = replace(examples, photographs=others).gate(seed)
        passed += sum(not _refuses(gate, row) for row in rows)
        looked_at += examples.looked_at[name]
    return round(1 - passed / looked_at, 4)


def _seen(trunk: Trunk, picture: Image.Image) -> FloatArray | None:
    inked = inked_or_none(trunk, picture)
    return inked.drawing.whole if inked else None
