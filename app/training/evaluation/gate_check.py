"""What the gate refuses: of held-out drawings, of made pictures, and of real photographs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.inference.features import Trunk, extract
from app.scoring.assess import gate_features
from app.scoring.norms import DomainGuard, FloatArray, Gate
from app.training.embed import Embedded, embed
from app.training.evaluation.held_out import OUTER
from app.training.gate import NOT_DRAWINGS, fit_gate, fit_guard
from app.training.recipe import Recipe
from app.training.references import ReferenceDrawing, folds_by_child
from app.training.train import embed_photographed, gate_examples

EACH = 100  # made pictures of each kind, unlike those the gate was fitted with
_WINDOWS = 60  # of each real photograph


def check_gate(
    trunk: Path, embedded: Embedded, everything: list[ReferenceDrawing], recipe: Recipe
) -> dict[str, Any]:
    """Fit the gate without each fold of children and count what it refuses."""
    photographed = embed_photographed(trunk, embedded, recipe)
    drawings, others = gate_examples(trunk, embedded, photographed, everything, recipe)
    outer = folds_by_child(list(embedded.drawings), OUTER, recipe.seed)
    unseen = _unseen(Trunk(trunk), recipe.seed + 1000)
    own, rest = drawings[: len(outer)], drawings[len(outer) :]
    refused = np.zeros(len(outer), bool)
    found: dict[str, list[float]] = {name: [] for name in unseen}
    guard = fit_guard(np.concatenate([embedded.domain, _measures(embedded, photographed)]))

    def refuses(gate: Gate, row: FloatArray | None) -> bool:
        """A picture without any ink is refused as well."""
        if row is None:
            return True
        known = guard.distance(_measures(embedded, row[None])[0]) <= 1
        return gate.refuses(row, known=known)

    for k in range(OUTER):
        known = own[outer != k]
        gate = fit_gate(np.concatenate([known, rest]), others, len(known), recipe.seed)
        refused[outer == k] = [refuses(gate, x) for x in own[outer == k]]
        for name, rows in unseen.items():
            found[name].append(float(np.mean([refuses(gate, x) for x in rows])))
    return {
        "real_drawings_refused": round(float(refused.mean()), 4),
        "refused": {name: round(float(np.mean(shares)), 4) for name, shares in found.items()},
        "domain": _domain(trunk, embedded, photographed, everything, recipe),
    }


def _unseen(trunk: Trunk, seed: int) -> dict[str, list[FloatArray | None]]:
    rng = np.random.default_rng(seed)
    made = {
        name: [_seen(trunk, kind(rng)) for _ in range(EACH)] for name, kind in NOT_DRAWINGS.items()
    }
    return {**made, "real_photo": [_seen(trunk, window) for window in _photographs(rng)]}


def _seen(trunk: Trunk, picture: Image.Image) -> FloatArray | None:
    inked = extract(trunk, picture.convert("RGB"))
    return gate_features(inked.features, inked.domain_measures) if inked else None


def _photographs(rng: np.random.Generator) -> Iterator[Image.Image]:
    """Windows of the two photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    for values in load_sample_images().images:
        photograph = Image.fromarray(values)
        for _ in range(_WINDOWS):
            side = int(rng.integers(150, min(photograph.size)))
            x = int(rng.integers(photograph.width - side + 1))
            y = int(rng.integers(photograph.height - side + 1))
            yield photograph.crop((x, y, x + side, y + side))


def _domain(
    trunk: Path,
    embedded: Embedded,
    photographed: FloatArray,
    everything: list[ReferenceDrawing],
    recipe: Recipe,
) -> dict[str, float]:
    """Share of pictures that the domain guard knows, by where they come from."""
    measures = _measures(embedded, photographed)
    half = len(measures) // 2
    guard = fit_guard(np.concatenate([embedded.domain, measures[:half]]))
    shares = {
        "references": _matched(guard, embedded.domain),
        "simulated_phone_photos": _matched(guard, measures[half:]),
    }
    unaged = [d for d in everything if d.age_years is None]
    for name in sorted({d.collection for d in unaged}):
        some = [d for d in unaged if d.collection == name][: 2 * EACH]
        shares[name] = _matched(guard, embed(trunk, some, name, recipe.norms.workers).domain)
    return shares


def _measures(embedded: Embedded, gate: FloatArray) -> FloatArray:
    """Undo what ``gate_features`` does to the measures of the picture."""
    return np.asarray(np.exp(gate[:, -embedded.domain.shape[1] :]) - 0.01)


def _matched(guard: DomainGuard, measures: FloatArray) -> float:
    return round(float(np.mean([guard.distance(row) <= 1 for row in measures])), 4)
